#include "sibp/update/gradient_descent.hpp"

#include "update/explicit_update.hpp"
#include "update/optimiser.hpp"

namespace sibp {
namespace {

class GradientDescent final : public UpdateRule {
 public:
  GradientDescent(const UpdateContext& context, const NetworkSpec& spec, Optimiser optimiser,
                  const MethodOptions& options)
      : context_(context),
        layers_(spec.layers.size()),
        gradients_(context, spec),
        optimiser_(context.device, spec, optimiser, options) {}

  void features_ready(Index, ConstMatrixView) override {}

  void backward(const LayerBackward& layer) override {
    gradients_.start(layer);
    carry_difference(context_, layer);
  }

  void finish_step() override {
    optimiser_.start_step();
    for (std::size_t i = layers_; i-- > 0;) {
      const ConstMatrixView gradient = gradients_.finish(i);
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      optimiser_.apply(i, gradients_.started(i).eta, gradient, gradients_.started(i).weights);
    }
  }

  [[nodiscard]] UpdateState state() override { return optimiser_.state(); }
  [[nodiscard]] LambdaRange lambda_range() const override { return {}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

 private:
  UpdateContext context_;
  std::size_t layers_;
  GradientReductions gradients_;
  OptimiserState optimiser_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_gradient_descent(const UpdateContext& context, const NetworkSpec& spec,
                                                  Optimiser optimiser, const MethodOptions& options) {
  return std::make_unique<GradientDescent>(context, spec, optimiser, options);
}

}  // namespace sibp
