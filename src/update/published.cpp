#include "sibp/update/published.hpp"

#include "update/explicit_update.hpp"
#include "update/method_traits.hpp"
#include "update/published_subproblem.hpp"
#include "update/tally.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

[[noreturn]] void refuse() {
  throw_usage_error(
      fmt::format("`method`: published is for dense layers alone; choose {}",
                  methods_in_words([](Method method) { return !method.traits().has_dense_layers_alone; })));
}

class Published final : public UpdateRule {
 public:
  Published(const UpdateContext& context, const NetworkSpec& spec, double lambda)
      : context_(context), lambda_(lambda), sub_problem_(context, lambda), data_(context.device.make_data_term()) {
    if (data_ == nullptr)
      throw_usage_error("`reproducible`: `method` published has no reproducible data term; choose another method");
    if (spec.nodes.size() != spec.maps.size()) refuse();
    for (const MapShape& layer : spec.maps) {
      if (layer.columns > 1) refuse();
      gradients_.push_back({context.communicator.make_all_reduce(context.device, layer.outputs, layer.inputs),
                            context.communicator.make_all_reduce(context.device, layer.outputs, 1)});
    }
  }

  void features_ready(LinearMap&) override {}

  void backward(LinearMap& map, const StepSize& step) override {
    minimise(map, step.eta);
    carry_difference(context_, map);  // by the new weights
  }

  void backward(ScaleMap&, const StepSize&) override { refuse(); }

  void finish_step() override {}

  [[nodiscard]] LambdaRange lambda_range() const override { return {lambda_, lambda_}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

 private:
  void minimise(LinearMap& map, double eta) {
    const PhaseClock::Scope timed(context_.clock, Phase::solve);
    const MapShape& shape = map.shape();
    const ConstMatrixView features = whole_matrices(map).whole_inputs();
    const MatrixView of_map = map.weights();
    data_->start(shape.activation, of_map, features, eta, map.difference());
    const PublishedSubProblem::Part weights{of_map.left_cols(shape.inputs), features.top_rows(shape.inputs)};
    const PublishedSubProblem::Part bias{of_map.block(0, shape.inputs, shape.outputs, 1),
                                         features.block(shape.inputs, 0, 1, features.cols)};
    const Gradients& gradients = gradients_.at(map.index());
    const bool is_last = map.index() + 1 == gradients_.size();
    const auto minimised = [&](double data_value, const auto& variable, const auto& constant, AllReduce& gradient) {
      return sub_problem_.minimise({*data_, data_value, shape.activation, is_last, variable, constant, gradient});
    };
    const double start = eta * eta * size_of_difference(map);  // T − σ(G) = −η D
    const double after_weights = minimised(start, weights, bias, *gradients.of_weights);
    minimised(after_weights, bias, weights, *gradients.of_bias);
  }

  /// ‖D‖² over all ranks. Collective.
  double size_of_difference(LinearMap& map) {
    const double own = context_.device.sum_of_squares(map.difference());
    const PhaseClock::Scope waiting(context_.clock, Phase::communication);
    return context_.communicator.sum(own);
  }

  struct Gradients {
    std::unique_ptr<AllReduce> of_weights;  ///< outputs × inputs
    std::unique_ptr<AllReduce> of_bias;     ///< outputs × 1
  };

  UpdateContext context_;
  double lambda_;
  PublishedSubProblem sub_problem_;
  std::unique_ptr<DataTerm> data_;
  std::vector<Gradients> gradients_;  ///< by layer
};

void set_defaults(MethodOptions& options) {
  options.damping = Damping{Damping::Kind::absolute, 1};
}

double step_size(const MethodOptions&, const NetworkSpec&) {
  return 0.1;
}

std::unique_ptr<UpdateRule> make(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options,
                                 const BatchCapacity&) {
  if (options.damping->kind != Damping::Kind::absolute)
    throw_usage_error("`damping`: `method` published has absolute:LAMBDA only");
  return make_published(context, spec, options.damping->value);
}

double none(const MethodOptions&) {
  return 0;
}

double none_of_map(const MapInMethod&) {
  return 0;
}

/// The sub-problems' matrices, and those of the data term in double, each as large as the largest layer needs it.
double shared_elements(const NetworkSpec& spec, double samples) {
  double outputs = 0;
  double weights = 0;
  double features = 0;
  for (const MapShape& layer : spec.maps) {
    outputs = std::max(outputs, static_cast<double>(layer.outputs) * samples);
    weights = std::max(weights, static_cast<double>(layer.parameters()));
    features = std::max(features, static_cast<double>(layer.fan_in()) * samples);
  }
  constexpr double of_double = static_cast<double>(sizeof(double)) / sizeof(Real);
  return 2 * outputs + 3 * weights + of_double * (2 * outputs + weights + features);
}

MapCost cost(const MapInMethod& map, const MachineRates& rates) {
  return {"5+5 CG steps", published_cost(map.in_step(), rates)};
}

}  // namespace

const MethodTraits published_method{.name = "published",
                                    .note = "the procedure of its authors' code",
                                    .parameters = "eta damping",
                                    .set_defaults = set_defaults,
                                    .step_size = step_size,
                                    .make = make,
                                    .moments = none,
                                    .elements = none_of_map,
                                    .shared_elements = shared_elements,
                                    .cost = cost,
                                    .has_dense_layers_alone = true,
                                    .only_damping = Damping::Kind::absolute,
                                    .is_reproducible = false};

LayerCost published_cost(const LayerInStep& step, const MachineRates& rates) {
  constexpr int cg_steps = 5;
  constexpr double flops_of_exponent = 6;  // of one element: G + tH, σ, and a product of two differences
  const Sizes s(step);
  Tally network(step.step, rates);
  Tally update(step.step, rates);
  add_network(network, step);
  update.gemm(s.o, s.local, s.n);
  for (const auto& [columns, exponents] : {std::pair(s.inputs, 3), std::pair(1.0, 15)}) {  // W, then b
    for (int k = 0; k < cg_steps; ++k) {
      update.gemm(s.o, columns, s.local);
      update.all_reduce(s.o * columns);
      update.touch(15 * s.o * columns);
      update.gemm(s.o, s.local, columns);
      update.elementwise(flops_of_exponent * exponents * s.o * s.local);
    }
  }
  return cost_of(network, update);
}

std::unique_ptr<UpdateRule> make_published(const UpdateContext& context, const NetworkSpec& spec, double lambda) {
  return std::make_unique<Published>(context, spec, lambda);
}

}  // namespace sibp
