#include "sibp/update/gradient_descent.hpp"

#include "update/explicit_update.hpp"
#include "update/optimiser.hpp"
#include "update/scale_gradients.hpp"

namespace sibp {
namespace {

class GradientDescent final : public UpdateRule {
 public:
  GradientDescent(const UpdateContext& context, const NetworkSpec& spec, Optimiser optimiser,
                  const MethodOptions& options)
      : context_(context),
        maps_(spec.maps.size()),
        gradients_(context, spec),
        scale_gradients_(context.device, spec),
        optimiser_(context.device, spec, optimiser, options) {}

  void features_ready(LinearMap&) override {}

  void backward(LinearMap& map, const StepSize& step) override {
    rate_ = step.eta;
    gradients_.start(map, step);
    carry_difference(context_, map);
  }

  void backward(ScaleMap& scales, const StepSize& step) override {
    scale_gradients_.take(scales, step);
    carry_difference(context_, scales);
  }

  void finish_step() override {
    optimiser_.start_step();
    for (std::size_t i = maps_; i-- > 0;) {
      const ConstMatrixView gradient = gradients_.finish(i);
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      optimiser_.apply(i, rate_, gradient, gradients_.started(i).weights());
    }
    scale_gradients_.apply(optimiser_);
  }

  [[nodiscard]] UpdateState state() override { return optimiser_.state(); }
  [[nodiscard]] LambdaRange lambda_range() const override { return {}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

 private:
  UpdateContext context_;
  std::size_t maps_;
  double rate_ = 0;  ///< of this step
  GradientReductions gradients_;
  ScaleGradients scale_gradients_;
  OptimiserState optimiser_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_gradient_descent(const UpdateContext& context, const NetworkSpec& spec,
                                                  Optimiser optimiser, const MethodOptions& options) {
  return std::make_unique<GradientDescent>(context, spec, optimiser, options);
}

}  // namespace sibp
