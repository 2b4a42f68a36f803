#include "sibp/update/proxprop.hpp"

#include "update/explicit_update.hpp"
#include "update/optimiser.hpp"
#include "update/proximal_solve.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

class ProxProp final : public UpdateRule {
 public:
  ProxProp(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options)
      : context_(context),
        options_(options),
        hidden_layers_(spec.layers.size() - 1),
        gradients_(context, spec),
        optimiser_(context.device, spec, options.outer, options) {
    for (std::size_t i = 0; i < hidden_layers_; ++i) {
      if (options.cg_steps == 0) {
        exact_.emplace_back(context, spec.layers[i]);
      } else {
        iterative_.emplace_back(context, spec.layers[i]);
      }
    }
  }

  void features_ready(Index layer, ConstMatrixView features) override {
    const auto i = static_cast<std::size_t>(layer);
    if (i < exact_.size()) exact_[i].features_ready(features);
  }

  void backward(const LayerBackward& layer) override {
    gradients_.start(layer);
    carry_difference(context_, layer);
  }

  void finish_step() override {
    optimiser_.start_step();
    for (std::size_t i = hidden_layers_ + 1; i-- > 0;) {
      const MatrixView direction = gradients_.finish(i);
      if (i < hidden_layers_ && !solve(i, direction)) continue;
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      const LayerBackward& layer = gradients_.started(i);
      optimiser_.apply(i, layer.eta, direction, layer.weights);
    }
  }

  [[nodiscard]] LambdaRange lambda_range() const override { return {lambda(), lambda()}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  [[nodiscard]] double lambda() const { return hidden_layers_ > 0 ? 1 / options_.tau : 0; }

  /// −ΔŴ = (S F̂ᵀ / M) (A + I/τ)⁻¹, in the place of the gradient; false if that failed.
  bool solve(std::size_t i, MatrixView gradient) {
    if (options_.cg_steps > 0) {
      iterative_[i].solve(gradients_.started(i).features, lambda(), options_.cg_steps, gradient);
      return true;
    }
    const Index failed_minor = exact_[i].solve(lambda(), gradient);
    if (failed_minor == 0) return true;
    failure_ = fmt::format(
        "layer {}: the Gram matrix + I / τ is not positive definite (leading minor {}, τ = {:.3g}); lower --tau or "
        "--lr",
        i + 1, failed_minor, options_.tau);
    return false;
  }

  UpdateContext context_;
  MethodOptions options_;
  std::size_t hidden_layers_;
  GradientReductions gradients_;
  OptimiserState optimiser_;
  std::vector<ExactProximalSolve> exact_;          ///< of the hidden layers, unless by conjugate gradients
  std::vector<ConjugateGradientSolve> iterative_;  ///< of the hidden layers, if by conjugate gradients
  std::optional<std::string> failure_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_proxprop(const UpdateContext& context, const NetworkSpec& spec,
                                          const MethodOptions& options) {
  return std::make_unique<ProxProp>(context, spec, options);
}

}  // namespace sibp
