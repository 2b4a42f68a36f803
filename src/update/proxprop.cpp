#include "sibp/update/proxprop.hpp"

#include "update/conjugate_gradients.hpp"
#include "update/explicit_update.hpp"
#include "update/optimiser.hpp"
#include "update/proximal_forms.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

class ProxProp final : public UpdateRule {
 public:
  ProxProp(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options,
           const BatchCapacity& batch)
      : context_(context),
        options_(options),
        hidden_layers_(spec.layers.size() - 1),
        gradients_(context, spec, options.cg_steps == 0 ? spec.layers.size() - 1 : 0),
        optimiser_(context.device, spec, options.outer, options),
        forms_(context, spec, {{Damping::Kind::absolute, lambda()}, Carry::old_weights, options.forms, batch},
               options.cg_steps == 0 ? hidden_layers_ : 0) {
    for (std::size_t i = 0; i < hidden_layers_; ++i) {
      const LayerSpec& layer = spec.layers[i];
      if (options.cg_steps == 0) {
        exact_.push_back({context.device.allocate(layer.outputs, layer.fan_in()), 0, {}});
      } else {
        iterative_.emplace_back(context, layer);
      }
    }
  }

  void features_ready(Index layer, ConstMatrixView features) override {
    if (exact_.empty()) return;
    forms_.features_ready(static_cast<std::size_t>(layer), features);
  }

  void backward(const LayerBackward& layer) override {
    const auto i = static_cast<std::size_t>(layer.layer);
    if (i < exact_.size()) {
      start_exact(i, layer);
    } else {
      gradients_.start(layer);
    }
    carry_difference(context_, layer);
  }

  void finish_step() override {
    optimiser_.start_step();
    for (std::size_t i = hidden_layers_ + 1; i-- > 0;) {
      if (i < exact_.size()) {
        finish_exact(i);
        continue;
      }
      const MatrixView direction = gradients_.finish(i);
      const LayerBackward& layer = gradients_.started(i);
      if (i < hidden_layers_) iterative_[i].solve(layer.features, lambda(), options_.cg_steps, direction);
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      optimiser_.apply(i, layer.eta, direction, layer.weights);
    }
  }

  [[nodiscard]] UpdateState state() override { return optimiser_.state(); }
  [[nodiscard]] LambdaRange lambda_range() const override { return {lambda(), lambda()}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  /// A hidden layer whose proximal step is solved exactly.
  struct ExactLayer {
    Matrix step;  ///< ΔŴ, outputs × fan_in
    double rate;  ///< of this step
    MatrixView weights;
  };

  [[nodiscard]] double lambda() const { return hidden_layers_ > 0 ? 1 / options_.tau : 0; }

  /// ΔŴ = −(S F̂ᵀ / M) (A + I/τ)⁻¹: the step of semi-implicit back propagation at η = 1/M, onto a matrix of zeros in the
  /// place of the weights.
  void start_exact(std::size_t i, const LayerBackward& layer) {
    ExactLayer& exact = exact_[i];
    exact.rate = layer.eta;
    exact.weights = layer.weights;
    context_.device.fill(exact.step.view(), 0);
    LayerBackward proximal = layer;
    proximal.eta = 1 / static_cast<double>(layer.global_batch);
    proximal.weights = exact.step.view();
    proximal.carried = {};
    const ProximalStep result = forms_[i].backward(proximal);
    if (result.failed_minor == 0) return;
    failure_ = fmt::format(
        "layer {}: the Gram matrix + I / τ is not positive definite (leading minor {}, τ = {:.3g}); lower --tau or "
        "--lr",
        layer.layer + 1, result.failed_minor, options_.tau);
  }

  /// −ΔŴ stands for the gradient in the outer optimiser.
  void finish_exact(std::size_t i) {
    ExactLayer& exact = exact_[i];
    forms_[i].finish(exact.step.view());
    const PhaseClock::Scope timed(context_.clock, Phase::solve);
    context_.device.scale(-1, exact.step.view());
    optimiser_.apply(i, exact.rate, exact.step.view(), exact.weights);
  }

  UpdateContext context_;
  MethodOptions options_;
  std::size_t hidden_layers_;
  GradientReductions gradients_;
  OptimiserState optimiser_;
  ProximalForms forms_;
  std::vector<ExactLayer> exact_;                  ///< the hidden layers, unless by conjugate gradients
  std::vector<ConjugateGradientSolve> iterative_;  ///< the hidden layers, if by conjugate gradients
  std::optional<std::string> failure_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_proxprop(const UpdateContext& context, const NetworkSpec& spec,
                                          const MethodOptions& options, const BatchCapacity& batch) {
  return std::make_unique<ProxProp>(context, spec, options, batch);
}

}  // namespace sibp
