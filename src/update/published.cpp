#include "sibp/update/published.hpp"

#include "update/explicit_update.hpp"
#include "update/published_subproblem.hpp"

namespace sibp {
namespace {

class Published final : public UpdateRule {
 public:
  Published(const UpdateContext& context, std::size_t layers, double lambda)
      : context_(context),
        layers_(layers),
        lambda_(lambda),
        sub_problem_(context, lambda),
        target_(context.device),
        pre_activation_(context.device) {}

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
    Device& device = context_.device;
    const PhaseClock::Scope timed(context_.clock, Phase::solve);
    const LayerSpec& spec = layer.spec;
    const Index samples = layer.features.cols;
    const MatrixView target = target_.of(spec.outputs, samples);
    device.copy(layer.activations, target);
    device.axpy(static_cast<Real>(-layer.eta), layer.difference, target);  // T = F − η D
    const MatrixView g = pre_activation_.of(spec.outputs, samples);
    device.gemm(Op::none, Op::none, 1, layer.weights, layer.features, 0, g);  // G = W F + b 1ᵀ

    PublishedSubProblem::Problem problem{.activation = spec.activation,
                                         .is_last = layer.layer + 1 == static_cast<Index>(layers_),
                                         .features = layer.features.top_rows(spec.inputs),
                                         .target = target,
                                         .x = layer.weights.left_cols(spec.inputs),
                                         .pre_activation = g};
    sub_problem_.minimise(problem);
    problem.features = layer.features.block(spec.inputs, 0, 1, samples);  // 1ᵀ
    problem.x = layer.weights.block(0, spec.inputs, spec.outputs, 1);
    sub_problem_.minimise(problem);
  }

  UpdateContext context_;
  std::size_t layers_;
  double lambda_;
  PublishedSubProblem sub_problem_;
  Scratch target_;          ///< T, outputs × M_p
  Scratch pre_activation_;  ///< G, outputs × M_p
};

}  // namespace

std::unique_ptr<UpdateRule> make_published(const UpdateContext& context, const NetworkSpec& spec, double lambda) {
  return std::make_unique<Published>(context, spec.layers.size(), lambda);
}

}  // namespace sibp
