#include "sibp/update/published.hpp"

#include "update/explicit_update.hpp"
#include "update/published_subproblem.hpp"

#include <vector>

namespace sibp {
namespace {

class Published final : public UpdateRule {
 public:
  Published(const UpdateContext& context, const NetworkSpec& spec, double lambda)
      : context_(context), lambda_(lambda), sub_problem_(context, lambda), data_(context.device.make_data_term()) {
    for (const LayerSpec& layer : spec.layers) {
      gradients_.push_back({context.communicator.make_reducible(context.device, layer.outputs, layer.inputs),
                            context.communicator.make_reducible(context.device, layer.outputs, 1)});
    }
  }

  void features_ready(Index, ConstMatrixView) override {}

  void backward(const LayerBackward& layer) override {
    minimise(layer);
    carry_difference(context_, layer);  // by the new weights
  }

  void finish_step() override {}

  [[nodiscard]] LambdaRange lambda_range() const override { return {lambda_, lambda_}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

 private:
  void minimise(const LayerBackward& layer) {
    const PhaseClock::Scope timed(context_.clock, Phase::solve);
    const LayerSpec& spec = layer.spec;
    data_->start(spec.activation, layer.weights, layer.features, layer.eta, layer.difference);
    const PublishedSubProblem::Part weights{layer.weights.left_cols(spec.inputs), layer.features.top_rows(spec.inputs)};
    const PublishedSubProblem::Part bias{layer.weights.block(0, spec.inputs, spec.outputs, 1),
                                         layer.features.block(spec.inputs, 0, 1, layer.features.cols)};
    const Gradients& gradients = gradients_.at(static_cast<std::size_t>(layer.layer));
    const bool is_last = layer.layer + 1 == std::ssize(gradients_);
    const auto minimised = [&](double data_value, const auto& variable, const auto& constant,
                               ReducibleMatrix& gradient) {
      return sub_problem_.minimise({*data_, data_value, spec.activation, is_last, variable, constant, gradient});
    };
    const double start = layer.eta * layer.eta * size_of_difference(layer);  // T − σ(G) = −η D
    const double after_weights = minimised(start, weights, bias, *gradients.of_weights);
    minimised(after_weights, bias, weights, *gradients.of_bias);
  }

  /// ‖D_i‖² over all ranks. Collective.
  double size_of_difference(const LayerBackward& layer) {
    const double own = context_.device.sum_of_squares(layer.difference);
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
