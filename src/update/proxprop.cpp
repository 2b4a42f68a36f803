#include "sibp/update/proxprop.hpp"

#include "update/conjugate_gradients.hpp"
#include "update/explicit_update.hpp"
#include "update/method_traits.hpp"
#include "update/optimiser.hpp"
#include "update/proximal_forms.hpp"
#include "update/scale_gradients.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

class ProxProp final : public UpdateRule {
 public:
  ProxProp(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options,
           const BatchCapacity& batch)
      : context_(context),
        options_(options),
        hidden_maps_(spec.maps.size() - 1),
        gradients_(context, spec, options.cg_steps == 0 ? spec.maps.size() - 1 : 0),
        scale_gradients_(context.device, spec),
        optimiser_(context.device, spec, options.outer, options),
        forms_(context, spec, proximal_options(batch), options.cg_steps == 0 ? hidden_maps_ : 0) {
    for (std::size_t i = 0; i < hidden_maps_; ++i) {
      const MapShape& map = spec.maps[i];
      if (options.cg_steps == 0) {
        exact_.push_back({context.device.allocate(map.outputs, map.fan_in()), {}});
      } else {
        iterative_.emplace_back(context, map);
      }
    }
  }

  void features_ready(LinearMap& map) override {
    if (!exact_.empty()) forms_.features_ready(map);
  }

  void backward(LinearMap& map, const StepSize& step) override {
    rate_ = step.eta;
    if (map.index() < exact_.size()) {
      start_exact(map, step);
    } else {
      gradients_.start(map, step);
    }
    carry_difference(context_, map);
  }

  void backward(ScaleMap& scales, const StepSize& step) override {
    scale_gradients_.take(scales, step);
    carry_difference(context_, scales);
  }

  void finish_step() override {
    optimiser_.start_step();
    for (std::size_t i = hidden_maps_ + 1; i-- > 0;) {
      if (i < exact_.size()) {
        finish_exact(i);
        continue;
      }
      const MatrixView direction = gradients_.finish(i);
      LinearMap& map = gradients_.started(i);
      if (i < hidden_maps_) iterative_[i].solve(map, lambda(), options_.cg_steps, direction);
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      optimiser_.apply(i, rate_, direction, map.weights());
    }
    scale_gradients_.apply(optimiser_);
  }

  [[nodiscard]] UpdateState state() override { return optimiser_.state(); }
  [[nodiscard]] LambdaRange lambda_range() const override { return {lambda(), lambda()}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  /// A hidden map whose proximal step is solved exactly.
  struct ExactMap {
    Matrix step;  ///< ΔŴ, outputs × fan_in
    MatrixView weights;
  };

  [[nodiscard]] double lambda() const { return hidden_maps_ > 0 ? 1 / options_.tau : 0; }

  [[nodiscard]] ProximalOptions proximal_options(const BatchCapacity& batch) const {
    ProximalOptions proximal{{Damping::Kind::absolute, lambda()}, Carry::old_weights, options_.forms, batch};
    proximal.convolution = {.damping = proximal.damping, .refresh = {}, .sample = 1};
    return proximal;
  }

  /// ΔŴ = −(S P̂ᵀ / M) (A + I/τ)⁻¹: the step of semi-implicit back propagation at η = 1/M, onto a matrix of zeros in the
  /// place of the weights.
  void start_exact(LinearMap& map, const StepSize& step) {
    ExactMap& exact = exact_[map.index()];
    exact.weights = map.weights();
    context_.device.fill(exact.step.view(), 0);
    const ProximalStep result = forms_[map.index()].backward(
        {.map = map, .eta = 1 / static_cast<double>(step.global_batch), .target = exact.step.view(), .carries = false});
    if (result.failed_minor == 0) return;
    failure_ = fmt::format(
        "{}: the Gram matrix + I / τ is not positive definite (leading minor {}, τ = {:.3g}); lower `tau` or `lr`",
        map.name(), result.failed_minor, options_.tau);
  }

  /// −ΔŴ stands for the gradient in the outer optimiser.
  void finish_exact(std::size_t i) {
    ExactMap& exact = exact_[i];
    forms_[i].finish(exact.step.view());
    const PhaseClock::Scope timed(context_.clock, Phase::solve);
    context_.device.scale(-1, exact.step.view());
    optimiser_.apply(i, rate_, exact.step.view(), exact.weights);
  }

  UpdateContext context_;
  MethodOptions options_;
  std::size_t hidden_maps_;
  double rate_ = 0;  ///< of this step
  GradientReductions gradients_;
  ScaleGradients scale_gradients_;
  OptimiserState optimiser_;
  ProximalForms forms_;
  std::vector<ExactMap> exact_;                    ///< the hidden maps, unless by conjugate gradients
  std::vector<ConjugateGradientSolve> iterative_;  ///< the hidden maps, if by conjugate gradients
  std::optional<std::string> failure_;
};

void set_defaults(MethodOptions& options) {
  if (options.outer == Optimiser::sgd) {
    options.momentum = 0.95;
    options.nesterov = true;
  } else {
    options.tau = 1;
  }
}

std::string_view parameters_of(Optimiser outer) {
  return outer == Optimiser::sgd ? "momentum nesterov weight-decay" : "beta1 beta2 epsilon weight-decay";
}

double step_size(const MethodOptions& options, const NetworkSpec&) {
  return options.outer == Optimiser::sgd ? 1 : 1e-3;
}

double moments(const MethodOptions& options) {
  return OptimiserState::moments(options.outer);
}

/// What finds the step of a hidden map.
double elements_of_proximal_step(const MapInMethod& map) {
  if (map.options.cg_steps == 0) return update_elements(map.form(), map.in_step());
  const MapShape& shape = map.shape();
  const Index samples = (map.step.batch + map.step.ranks - 1) / map.step.ranks;
  const Index columns = shape.columns == 1 ? samples : columns_of_block(shape, elements_at_hand);
  return 3 * map.weights() + static_cast<double>(shape.outputs * columns);
}

/// The gradient, or the step that stands for it, and the moments; the last map has its gradient alone.
double elements(const MapInMethod& map) {
  const double of_outer = (1 + moments(map.options)) * map.weights();
  return map.is_last() ? of_outer : of_outer + elements_of_proximal_step(map);
}

MapCost cost(const MapInMethod& map, const MachineRates& rates) {
  if (map.is_last()) return {"gradient", gradient_cost(map.in_step(), rates)};
  const Index cg_steps = map.options.cg_steps;
  if (cg_steps == 0) return {std::string(name_of(map.form())), semi_implicit_cost(map.form(), map.in_step(), rates)};
  return {fmt::format("{} CG steps", cg_steps), gradient_cost(map.in_step(), rates, static_cast<int>(cg_steps))};
}

}  // namespace

const MethodTraits proxprop_method{.name = "proxprop",
                                   .parameters = "outer tau cg-steps lr form",
                                   .parameters_of_outer = parameters_of,
                                   .set_defaults = set_defaults,
                                   .step_size = step_size,
                                   .make = make_proxprop,
                                   .moments = moments,
                                   .elements = elements,
                                   .cost = cost,
                                   .has_forms = true};

std::unique_ptr<UpdateRule> make_proxprop(const UpdateContext& context, const NetworkSpec& spec,
                                          const MethodOptions& options, const BatchCapacity& batch) {
  return std::make_unique<ProxProp>(context, spec, options, batch);
}

}  // namespace sibp
