// K-FAC (Martens and Grosse 2015; Grosse and Martens 2016 for convolutions): the gradient, preconditioned by running
// means of what goes into a map and of what comes back to it,
//
//   A = Σ P̂ P̂ᵀ / M,   G = Σ S Sᵀ / (M places),   Δ = ν (G + ρ tr(G)/o I)⁻¹ ∇ (A + ρ tr(A)/n I)⁻¹,
//
// which is their factored damping with a λ of ρ² times the mean diagonals. It is clipped as Osawa et al. (2019) do,
// ν = min(1, √(κ / (η² Σ ⟨Δ, ∇⟩))) over all maps, and goes to gradient descent with momentum. γ and β follow their
// gradients. The Fisher matrix is the empirical one, of the labels themselves.
#include "sibp/device/scratch.hpp"
#include "sibp/update/methods.hpp"

#include "update/explicit_update.hpp"
#include "update/gram_system.hpp"
#include "update/method_traits.hpp"
#include "update/optimiser.hpp"
#include "update/scale_gradients.hpp"
#include "update/tally.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sibp {
namespace {

/// ρ is MethodOptions::damping, for all maps.
SystemOptions system_of_inputs(const MethodOptions& options, const MapShape& map) {
  SystemOptions system = map.columns > 1 ? options.convolution : SystemOptions{{}, options.refresh};
  system.damping = system.refresh.damping = *options.damping;
  return system;
}

/// S is in memory as a whole, so that no sample need be left out.
SystemOptions system_of_outputs(const MethodOptions& options, const MapShape& map) {
  SystemOptions system = system_of_inputs(options, map);
  system.sample = 1;
  return system;
}

/// The sums of the maps' systems of order `order`, in the order of the backward pass.
template <class Order>
GramSums sums_of(const UpdateContext& context, const NetworkSpec& spec, const Order& order) {
  std::vector<GramOfMap> grams;
  for (std::size_t i = spec.maps.size(); i-- > 0;)
    grams.push_back({.order = order(spec.maps[i]), .convolves = spec.maps[i].columns > 1});
  return GramSums(context, grams);
}

/// Of the largest map.
Index most_parameters(const NetworkSpec& spec) {
  return std::ranges::max(spec.maps, {}, &MapShape::parameters).parameters();
}

class Kfac final : public UpdateRule {
 public:
  Kfac(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options)
      : context_(context),
        clip_(options.kl_clip),
        gradients_(context, spec),
        scale_gradients_(context.device, spec),
        optimiser_(context.device, spec, Optimiser::sgd, options),
        input_sums_(sums_of(context, spec, [](const MapShape& map) { return map.fan_in(); })),
        output_sums_(sums_of(context, spec, [](const MapShape& map) { return map.outputs; })),
        transposed_(context.device) {
    transposed_.of(most_parameters(spec), 1);
    for (std::size_t i = 0; i < spec.maps.size(); ++i) {
      const MapShape& map = spec.maps[i];
      const std::size_t place = spec.maps.size() - 1 - i;
      inputs_.emplace_back(context, map.fan_in(), system_of_inputs(options, map), input_sums_.of(place));
      outputs_.emplace_back(context, map.outputs, system_of_outputs(options, map), output_sums_.of(place));
      steps_.push_back(context.device.allocate(map.outputs, map.fan_in()));
    }
  }

  void features_ready(LinearMap&) override {}

  void backward(LinearMap& map, const StepSize& step) override {
    const std::size_t i = map.index();
    step_ = step;
    {
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      inputs_[i].start(map, step.global_batch);
      outputs_[i].start(delta_twice(map), step.global_batch);
      gradients_.start(map, step);
    }
    carry_difference(context_, map);
  }

  void backward(ScaleMap& scales, const StepSize& step) override {
    scale_gradients_.take(scales, step);
    carry_difference(context_, scales);
  }

  void finish_step() override {
    double decrease = 0;  // Σ ⟨Δ, ∇⟩ before it is clipped
    for (std::size_t i = steps_.size(); i-- > 0;) decrease += precondition(i);
    const PhaseClock::Scope timed(context_.clock, Phase::solve);
    const double clip = std::min(1.0, std::sqrt(clip_ / (step_.eta * step_.eta * decrease)));
    optimiser_.start_step();
    for (std::size_t i = steps_.size(); i-- > 0 && !failure_;) {
      context_.device.scale(static_cast<Real>(clip), steps_[i].view());
      optimiser_.apply(i, step_.eta, steps_[i].view(), gradients_.started(i).weights());
    }
    scale_gradients_.apply(optimiser_);
  }

  [[nodiscard]] UpdateState state() override {
    UpdateState state = optimiser_.state();
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i].add_state(state, fmt::format("inputs.{}", i));
      outputs_[i].add_state(state, fmt::format("outputs.{}", i));
    }
    return state;
  }
  [[nodiscard]] LambdaRange lambda_range() const override { return {}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  /// This rank's S, twice.
  static ColumnSource delta_twice(LinearMap& map) {
    return {.for_each = [&map](const ColumnSource::Visit& visit) { visit(map.delta(), map.delta()); },
            .per_sample = map.shape().columns};
  }

  /// Δ of a map without ν; returns ⟨Δ, ∇⟩. Collective.
  double precondition(std::size_t i) {
    const ConstMatrixView gradient = gradients_.finish(i);
    const PhaseClock::Scope timed(context_.clock, Phase::solve);
    const LinearMap& map = gradients_.started(i);
    const ProximalStep of_inputs = inputs_[i].factorise();
    const ProximalStep of_outputs = outputs_[i].factorise();
    const MatrixView step = steps_[i].view();
    if (of_outputs.lambda == 0) {  // nothing has come back to the map so far, as to one whose neurons are all dead
      context_.device.fill(step, 0);
      return 0;
    }
    if (of_inputs.failed_minor != 0 || of_outputs.failed_minor != 0) {
      failure_ =
          fmt::format("{}: a factor of K-FAC is not positive definite; raise `damping` or lower `lr`", map.name());
      return 0;
    }
    context_.device.copy(gradient, step);
    context_.device.solve_left(outputs_[i].factor(), step);
    // Δᵀ is solved for, since a reproducible device solves by columns alone.
    const MatrixView transposed = transposed_.of(step.cols, step.rows);
    transpose(step, transposed);
    context_.device.solve_left(inputs_[i].factor(), transposed);
    transpose(transposed, step);
    const double samples =
        static_cast<double>(step_.global_batch) * inputs_[i].scale();  // 1 where factors are of means
    context_.device.scale(static_cast<Real>(samples * samples * static_cast<double>(map.shape().columns)), step);
    return context_.device.inner_product(step, gradient);
  }

  void transpose(ConstMatrixView from, MatrixView to) {
    context_.device.fill(to, 0);
    context_.device.add_transposed(1, from, to);
  }

  UpdateContext context_;
  double clip_;    ///< κ
  StepSize step_;  ///< of this step
  GradientReductions gradients_;
  ScaleGradients scale_gradients_;
  OptimiserState optimiser_;
  GramSums input_sums_;
  GramSums output_sums_;
  std::vector<GramSystem> inputs_;   ///< A by map
  std::vector<GramSystem> outputs_;  ///< G by map
  std::vector<Matrix> steps_;        ///< Δ by map, outputs × fan_in
  Scratch transposed_;
  std::optional<std::string> failure_;
};

void set_defaults(MethodOptions& options) {
  options.momentum = 0.9;
  options.damping = Damping{Damping::Kind::relative, 0.1};
  options.refresh.every = options.convolution.refresh.every;
  options.refresh.burn_in = 0;
}

double step_size(const MethodOptions&, const NetworkSpec&) {
  return 0.1;
}

std::unique_ptr<UpdateRule> make(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options,
                                 const BatchCapacity&) {
  return std::make_unique<Kfac>(context, spec, options);
}

double moments(const MethodOptions&) {
  return OptimiserState::moments(Optimiser::sgd);
}

/// Of A and G.
double kept_elements(const MapShape& map) {
  return static_cast<double>(map.fan_in() * map.fan_in() + map.outputs * map.outputs);
}

/// The gradient, Δ, the velocity; A and G, their means and their packed sums.
double elements(const MapInMethod& map) {
  const LayerInStep step = map.in_step();
  return 3 * map.weights() + gram_elements(map.shape().fan_in(), step) + gram_elements(map.shape().outputs, step);
}

/// What is transposed.
double shared_elements(const NetworkSpec& spec, double) {
  return static_cast<double>(most_parameters(spec));
}

MapCost cost(const MapInMethod& map, const MachineRates& rates) {
  const LayerInStep step = map.in_step();
  const Sizes s(step);
  LayerCost cost = gradient_cost(step, rates);
  Tally factors(map.step, rates);
  add_gram_cost(factors, step);
  Tally outputs = factors.fresh();
  outputs.syrk(s.o, s.local);
  outputs.all_reduce(s.o * (s.o + 1) / 2);
  outputs.cholesky(s.o);
  factors.add(outputs, map.step.gram_every_of(map.shape()));
  factors.solve(s.o, s.n);
  factors.solve(s.n, s.o);
  cost += cost_of(Tally(map.step, rates), factors);
  return {"gradient, K-FAC", cost};
}

}  // namespace

extern const MethodTraits kfac_method;  // a constant is known to its own file alone otherwise
const MethodTraits kfac_method{
    .name = "kfac",
    .note = "the gradient between the inverses of two factors of the Fisher matrix",
    .parameters =
        "lr kl-clip damping momentum nesterov weight-decay gram-every gram-lag gram-average gram-burn-in "
        "conv-gram-every conv-gram-average conv-gram-sample",
    .set_defaults = set_defaults,
    .step_size = step_size,
    .make = make,
    .moments = moments,
    .elements = elements,
    .shared_elements = shared_elements,
    .kept_elements = kept_elements,
    .cost = cost,
    .needs_alike_ranks = true,
    .only_damping = Damping::Kind::relative};

}  // namespace sibp
