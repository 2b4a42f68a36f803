// Muon (Jordan et al. 2024): momentum, and in place of its matrix the polar factor, so that every direction of a
// layer's neurons moves equally:
//
//   V ← μ V + G,   Ŵ ← (1 − δ η) Ŵ − η √max(1, o/n) msgn(G + μ V)
//
// for the maps before the last, o × n with their biases. The last map, γ and β follow Adam at a hundredth of η, as
// its authors advise.
#include "update/explicit_update.hpp"
#include "update/method_traits.hpp"
#include "update/optimiser.hpp"
#include "update/polar_factor.hpp"
#include "update/scale_gradients.hpp"
#include "update/tally.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr double share_of_adam = 0.01;

std::span<const MapShape> hidden(const NetworkSpec& spec) {
  return std::span(spec.maps).first(spec.maps.size() - 1);
}

Index most_rows(const NetworkSpec& spec) {
  Index most = 0;
  for (const MapShape& map : hidden(spec)) most = std::max(most, map.outputs);
  return most;
}

Index most_cols(const NetworkSpec& spec) {
  Index most = 0;
  for (const MapShape& map : hidden(spec)) most = std::max(most, map.fan_in());
  return most;
}

MethodOptions options_of_adam(MethodOptions options) {
  options.weight_decay = 0;
  return options;
}

class Muon final : public UpdateRule {
 public:
  Muon(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options)
      : context_(context),
        momentum_(options.momentum.value_or(0)),
        decay_(options.weight_decay),
        gradients_(context, spec),
        scale_gradients_(context.device, spec),
        adam_(context.device, spec, Optimiser::adam, options_of_adam(options), spec.maps.size() - 1),
        polar_(context.device, most_rows(spec), most_cols(spec)) {
    for (const MapShape& map : hidden(spec)) {
      velocities_.push_back(context.device.allocate(map.outputs, map.fan_in()));
      steps_.push_back(context.device.allocate(map.outputs, map.fan_in()));
    }
  }

  void features_ready(LinearMap&) override {}

  void backward(LinearMap& map, const StepSize& step) override {
    rate_ = step.eta;
    gradients_.start(map, step);
    carry_difference(context_, map);
  }

  void backward(ScaleMap& scales, const StepSize& step) override {
    scale_gradients_.take(scales, {step.global_batch, share_of_adam * step.eta, step.share});
    carry_difference(context_, scales);
  }

  void finish_step() override {
    adam_.start_step();
    const std::size_t last = velocities_.size();
    const ConstMatrixView gradient = gradients_.finish(last);
    {
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      adam_.apply(last, share_of_adam * rate_, gradient, gradients_.started(last).weights());
    }
    for (std::size_t i = last; i-- > 0;) update(i, gradients_.finish(i));
    scale_gradients_.apply(adam_);
  }

  [[nodiscard]] UpdateState state() override {
    UpdateState state = adam_.state();
    for (std::size_t i = 0; i < velocities_.size(); ++i)
      state.matrices.emplace(fmt::format("velocity.{}", i), velocities_[i].view());
    return state;
  }
  [[nodiscard]] LambdaRange lambda_range() const override { return {}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

 private:
  void update(std::size_t i, ConstMatrixView gradient) {
    const PhaseClock::Scope timed(context_.clock, Phase::solve);
    Device& device = context_.device;
    const MatrixView velocity = velocities_[i].view();
    const MatrixView step = steps_[i].view();
    const MatrixView weights = gradients_.started(i).weights();
    device.scale(static_cast<Real>(momentum_), velocity);
    device.axpy(1, gradient, velocity);
    device.copy(gradient, step);
    device.axpy(static_cast<Real>(momentum_), velocity, step);  // Nesterov's
    polar_.replace(step);
    const double shape = static_cast<double>(weights.rows) / static_cast<double>(weights.cols);
    device.scale(static_cast<Real>(1 - decay_ * rate_), weights);
    device.axpy(static_cast<Real>(-rate_ * std::sqrt(std::max(1.0, shape))), step, weights);
  }

  UpdateContext context_;
  double momentum_;
  double decay_;
  double rate_ = 0;  ///< of this step
  GradientReductions gradients_;
  ScaleGradients scale_gradients_;
  OptimiserState adam_;  ///< of the last map and of the scales
  PolarFactor polar_;
  std::vector<Matrix> velocities_;  ///< V of the maps before the last
  std::vector<Matrix> steps_;
};

void set_defaults(MethodOptions& options) {
  options.momentum = 0.9;
}

double step_size(const MethodOptions&, const NetworkSpec&) {
  return 0.1;
}

std::unique_ptr<UpdateRule> make(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options,
                                 const BatchCapacity&) {
  return std::make_unique<Muon>(context, spec, options);
}

double moments(const MethodOptions&) {
  return 2;  // Adam's; V alone of the maps before the last
}

/// The gradient and V and the step, or Adam's moments.
double elements(const MapInMethod& map) {
  return 3 * map.weights();
}

/// Those of the polar factor.
double shared_elements(const NetworkSpec& spec, double) {
  const auto rows = static_cast<double>(most_rows(spec));
  const auto cols = static_cast<double>(most_cols(spec));
  return 2 * std::min(rows, cols) * std::min(rows, cols) + rows * cols;
}

MapCost cost(const MapInMethod& map, const MachineRates& rates) {
  LayerCost cost = gradient_cost(map.in_step(), rates);
  if (map.is_last()) return {"gradient, Adam", cost};
  const double n = static_cast<double>(std::min(map.shape().outputs, map.shape().fan_in()));
  Tally polar(map.step, rates);
  for (int k = 0; k < PolarFactor::steps; ++k) {
    polar.gemm(n, n, map.weights() / n);
    polar.gemm(n, n, n);
    polar.gemm(n, map.weights() / n, n);
  }
  cost.flops_update += polar.flops;
  cost.seconds_update += polar.seconds;
  return {"polar factor", cost};
}

}  // namespace

extern const MethodTraits muon_method;  // a constant is known to its own file alone otherwise
const MethodTraits muon_method{.name = "muon",
                               .note = "momentum, and the polar factor of its matrix",
                               .set_defaults = set_defaults,
                               .step_size = step_size,
                               .make = make,
                               .moments = moments,
                               .elements = elements,
                               .shared_elements = shared_elements,
                               .cost = cost};

}  // namespace sibp
