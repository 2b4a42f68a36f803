#include "sibp/update/published.hpp"

#include "update/explicit_update.hpp"
#include "update/published_subproblem.hpp"

#include <vector>

namespace sibp {
namespace {

[[noreturn]] void refuse() {
  throw_usage_error("--method: published is for dense layers alone; choose sibp, proxprop, sgd or adam");
}

class Published final : public UpdateRule {
 public:
  Published(const UpdateContext& context, const NetworkSpec& spec, double lambda)
      : context_(context), lambda_(lambda), sub_problem_(context, lambda), data_(context.device.make_data_term()) {
    if (spec.nodes.size() != spec.maps.size()) refuse();
    for (const MapShape& layer : spec.maps) {
      if (layer.columns > 1) refuse();
      gradients_.push_back({context.communicator.make_reducible(context.device, layer.outputs, layer.inputs),
                            context.communicator.make_reducible(context.device, layer.outputs, 1)});
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
    const ConstMatrixView features = map.whole_inputs();
    const MatrixView of_map = map.weights();
    data_->start(shape.activation, of_map, features, eta, map.difference());
    const PublishedSubProblem::Part weights{of_map.left_cols(shape.inputs), features.top_rows(shape.inputs)};
    const PublishedSubProblem::Part bias{of_map.block(0, shape.inputs, shape.outputs, 1),
                                         features.block(shape.inputs, 0, 1, features.cols)};
    const Gradients& gradients = gradients_.at(map.index());
    const bool is_last = map.index() + 1 == gradients_.size();
    const auto minimised = [&](double data_value, const auto& variable, const auto& constant,
                               ReducibleMatrix& gradient) {
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
    std::unique_ptr<ReducibleMatrix> of_weights;  ///< outputs × inputs
    std::unique_ptr<ReducibleMatrix> of_bias;     ///< outputs × 1
  };

  UpdateContext context_;
  double lambda_;
  PublishedSubProblem sub_problem_;
  std::unique_ptr<DataTerm> data_;
  std::vector<Gradients> gradients_;  ///< by layer
};

}  // namespace

std::unique_ptr<UpdateRule> make_published(const UpdateContext& context, const NetworkSpec& spec, double lambda) {
  return std::make_unique<Published>(context, spec, lambda);
}

}  // namespace sibp
