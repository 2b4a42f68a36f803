#include "sibp/update/gradient_descent.hpp"

#include "sibp/update/methods.hpp"

#include "update/explicit_update.hpp"
#include "update/method_traits.hpp"
#include "update/optimiser.hpp"
#include "update/scale_gradients.hpp"
#include "update/tally.hpp"

#include <utility>

namespace sibp {
namespace {

class GradientDescent final : public UpdateRule {
 public:
  GradientDescent(const UpdateContext& context, const NetworkSpec& spec, std::unique_ptr<OptimiserState> optimiser)
      : context_(context),
        maps_(spec.maps.size()),
        gradients_(context, spec),
        scale_gradients_(context.device, spec),
        optimiser_(std::move(optimiser)) {}

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
    optimiser_->start_step();
    for (std::size_t i = maps_; i-- > 0;) {
      const ConstMatrixView gradient = gradients_.finish(i);
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      optimiser_->apply(i, rate_, gradient, gradients_.started(i).weights());
    }
    scale_gradients_.apply(*optimiser_);
  }

  [[nodiscard]] UpdateState state() override { return optimiser_->state(); }
  [[nodiscard]] LambdaRange lambda_range() const override { return {}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

 private:
  UpdateContext context_;
  std::size_t maps_;
  double rate_ = 0;  ///< of this step
  GradientReductions gradients_;
  ScaleGradients scale_gradients_;
  std::unique_ptr<OptimiserState> optimiser_;
};

void set_defaults_of_sgd(MethodOptions& options) {
  options.momentum = 0.9;
}

void set_defaults_of_adamw(MethodOptions& options) {
  options.weight_decay = 0.01;
  options.decouples_decay = true;
}

constexpr std::string_view parameters_of_adam = "lr beta1 beta2 epsilon weight-decay";

double step_size_of_sgd(const MethodOptions&, const NetworkSpec& spec) {
  return has_convolutions(spec) ? 0.05 : 0.1;
}

double step_size_of_adam(const MethodOptions&, const NetworkSpec&) {
  return 1e-3;
}

template <Optimiser optimiser>
std::unique_ptr<UpdateRule> make(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options,
                                 const BatchCapacity&) {
  return make_gradient_descent(context, spec, optimiser, options);
}

template <Optimiser optimiser>
double moments(const MethodOptions&) {
  return OptimiserState::moments(optimiser);
}

/// The gradient and the moments.
template <Optimiser optimiser>
double elements(const MapInMethod& map) {
  return (1 + OptimiserState::moments(optimiser)) * map.weights();
}

MapCost cost(const MapInMethod& map, const MachineRates& rates) {
  return {"gradient", gradient_cost(map.in_step(), rates)};
}

}  // namespace

const MethodTraits sgd_method{.name = "sgd",
                              .parameters = "lr momentum nesterov weight-decay",
                              .set_defaults = set_defaults_of_sgd,
                              .step_size = step_size_of_sgd,
                              .make = make<Optimiser::sgd>,
                              .moments = moments<Optimiser::sgd>,
                              .elements = elements<Optimiser::sgd>,
                              .cost = cost};

const MethodTraits adam_method{.name = "adam",
                               .parameters = parameters_of_adam,
                               .step_size = step_size_of_adam,
                               .make = make<Optimiser::adam>,
                               .moments = moments<Optimiser::adam>,
                               .elements = elements<Optimiser::adam>,
                               .cost = cost};

extern const MethodTraits adamw_method;  // a constant is known to its own file alone otherwise
const MethodTraits adamw_method{.name = "adamw",
                                .note = "Adam, its weight decay beside the gradient",
                                .parameters = parameters_of_adam,
                                .set_defaults = set_defaults_of_adamw,
                                .step_size = step_size_of_adam,
                                .make = make<Optimiser::adam>,
                                .moments = moments<Optimiser::adam>,
                                .elements = elements<Optimiser::adam>,
                                .cost = cost};

LayerCost gradient_cost(const LayerInStep& step, const MachineRates& rates, int cg_steps) {
  const Sizes s(step);
  Tally network(step.step, rates);
  Tally update(step.step, rates);
  add_network(network, step);
  update.gemm(s.o, s.n, s.local);
  if (step.layer.columns > 1) update.touch(2 * s.n * s.local);  // patches unfolded
  update.all_reduce(s.n * s.o);
  update.touch(6 * s.n * s.o);  // momentum and weights
  for (int k = 0; k < cg_steps; ++k) {
    update.gemm(s.o, s.local, s.n);  // V F̂
    update.gemm(s.o, s.n, s.local);  // (V F̂) F̂ᵀ
    update.all_reduce(s.n * s.o);
    update.touch(10 * s.n * s.o);
  }
  return cost_of(network, update);
}

std::unique_ptr<UpdateRule> make_gradient_descent(const UpdateContext& context, const NetworkSpec& spec,
                                                  Optimiser optimiser, const MethodOptions& options) {
  return make_gradient_descent(context, spec,
                               std::make_unique<OptimiserState>(context.device, spec, optimiser, options));
}

std::unique_ptr<UpdateRule> make_gradient_descent(const UpdateContext& context, const NetworkSpec& spec,
                                                  std::unique_ptr<OptimiserState> optimiser) {
  return std::make_unique<GradientDescent>(context, spec, std::move(optimiser));
}

}  // namespace sibp
