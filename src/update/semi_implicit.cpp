#include "sibp/update/semi_implicit.hpp"

#include "sibp/update/methods.hpp"

#include "update/method_traits.hpp"
#include "update/polar_step.hpp"
#include "update/proximal_forms.hpp"
#include "update/reshaped_update.hpp"
#include "update/scale_solve.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

class SemiImplicit final : public UpdateRule {
 public:
  SemiImplicit(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options)
      : context_(context),
        carries_new_(options.carry == Carry::new_weights),
        decay_(options.weight_decay),
        forms_(context, spec, options, spec.maps.size()),
        scales_(context.device, spec, options),
        lambdas_(spec.maps.size()),
        targets_(spec.maps.size()) {
    if (options.reshapes_update()) reshaped_.emplace(context, spec, options);
  }

  void features_ready(LinearMap& map) override { forms_.features_ready(map); }

  void backward(LinearMap& map, const StepSize& step) override {
    const std::size_t i = map.index();
    if (i + 1 == forms_.size()) forms_.forward_done();
    if (reshaped_) {
      take(map, reshaped_->backward(forms_[i], map, step));
      return;
    }
    targets_[i] = map.weights();
    if (decay_ > 0) {
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      context_.device.scale(static_cast<Real>(1 - decay_ * step.share), targets_[i]);
    }
    take(map, forms_[i].backward({.map = map, .eta = step.eta, .target = targets_[i]}));
  }

  void backward(ScaleMap& scales, const StepSize& step) override {
    if (!carries_new_) carry_difference(context_, scales);
    {
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      scales_.update(scales, step);
    }
    if (carries_new_) carry_difference(context_, scales);
  }

  void finish_step() override {
    if (reshaped_) return;  // nothing is left under way
    for (std::size_t i = forms_.size(); i-- > 0;) forms_[i].finish(targets_[i]);
  }

  [[nodiscard]] UpdateState state() override {
    UpdateState state;
    for (std::size_t i = 0; i < forms_.size(); ++i) forms_[i].add_state(state, fmt::format("gram.{}", i));
    if (reshaped_) reshaped_->add_state(state);
    scales_.add_state(state);
    return state;
  }

  void gather_state() override { forms_.gather_state(); }

  [[nodiscard]] LambdaRange lambda_range() const override {
    const auto [smallest, largest] = std::minmax_element(lambdas_.begin(), lambdas_.end());
    return {*smallest, *largest};
  }

  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  /// Takes note of what became of a map's solve.
  void take(const LinearMap& map, const ProximalStep& step) {
    lambdas_[map.index()] = step.lambda;
    if (step.failed_minor == 0) return;
    failure_ = fmt::format(
        "{}: the Gram matrix + λ I is not positive definite (leading minor {}, λ = {:.3g}); raise `damping` or lower "
        "`eta`",
        map.name(), step.failed_minor, step.lambda);
  }

  UpdateContext context_;
  bool carries_new_;
  double decay_;  ///< δ
  ProximalForms forms_;
  ScaleSolve scales_;
  std::optional<ReshapedUpdate> reshaped_;  ///< where ΔŴ is not added as it is
  std::vector<double> lambdas_;
  std::vector<MatrixView> targets_;
  std::optional<std::string> failure_;
};

/// Whether steps are as long as η says.
bool has_fixed_steps(const MethodOptions& options) {
  return !options.step || options.step->kind == StepRule::Kind::fixed;
}

/// κ of convolutional networks, to three places.
double default_kappa(Index batch) {
  const double kappa = 0.03 * std::sqrt(std::max(1.0, static_cast<double>(batch) / 500));
  return std::round(1000 * std::min(0.08, kappa)) / 1000;
}

void settle(MethodOptions& options, const NetworkSpec& spec, Index batch) {
  if (!has_convolutions(spec)) {
    if (!options.damping && has_fixed_steps(options)) options.damping = Damping{Damping::Kind::relative, 2};
    return;
  }
  if (!options.step) options.step = {.kind = StepRule::Kind::newton_muon, .kappa = default_kappa(batch)};
  if (!options.momentum) options.momentum = 0.9;
}

double step_size(const MethodOptions& options, const NetworkSpec& spec) {
  if (has_convolutions(spec)) return 0.5;
  const auto layers = static_cast<double>(spec.maps.size());
  return has_fixed_steps(options) ? std::min(3.0, 6 / layers) : std::min(1.0, 4 / layers);
}

double weight_decay(const NetworkSpec& spec, Index batch, Index samples) {
  return has_convolutions(spec) ? 0 : static_cast<double>(batch) / (2 * static_cast<double>(samples));
}

std::unique_ptr<UpdateRule> make(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options,
                                 const BatchCapacity& batch) {
  return make_semi_implicit(context, spec,
                            {.damping = *options.damping,
                             .carry = options.carry,
                             .forms = options.forms,
                             .batch = batch,
                             .refresh = options.refresh,
                             .convolution = options.convolution,
                             .step = *options.step,
                             .momentum = {*options.momentum, *options.nesterov, *options.momentum_of_gradient},
                             .weight_decay = *options.weight_decay,
                             .places = options.places,
                             .staggers = options.staggers,
                             .sample = options.sample,
                             .ranks_are_alike = options.ranks_are_alike});
}

double moments(const MethodOptions& options) {
  return *options.momentum > 0 ? 1 : 0;
}

/// The form's own; ΔŴ and V where ΔŴ is not added as it is; where steps are relative, what measures them.
double elements(const MapInMethod& map) {
  const MethodOptions& options = map.options;
  const double of_form = update_elements(map.form(), map.in_step());
  const bool measures = options.step->measures();
  const bool decays_apart = *options.weight_decay > 0 && options.carry == Carry::old_weights;
  if (!measures && moments(options) == 0 && !decays_apart) return of_form;
  const double of_steps = of_form + (1 + moments(options)) * map.weights();
  if (!measures || map.is_last()) return of_steps;
  const MapShape& shape = map.shape();
  const Index rows = (shape.outputs + map.step.ranks - 1) / map.step.ranks;
  const double of_polar = options.step->is_polar() ? polar_step_elements(shape) : 0;
  return of_steps + of_polar + 2 * static_cast<double>(shape.fan_in() * rows) + 1;
}

/// With what only the owner does.
std::string owner_in_words(const SystemPlace& place, const LayerCost& cost) {
  if (!place.owner) return "";
  return fmt::format(", {} by rank {}: {:.1f} MFLOP", place.owner_solves ? "solved" : "factor", *place.owner,
                     cost.flops_owned / 1e6);
}

/// Of A.
double kept_elements(const MapShape& map) {
  return static_cast<double>(map.fan_in() * map.fan_in());
}

MapCost cost(const MapInMethod& map, const MachineRates& rates) {
  LayerCost cost = semi_implicit_cost(map.form(), map.in_step(), rates);
  const std::string update = fmt::format("{}{}", name_of(map.form()), owner_in_words(map.in_step().place, cost));
  const StepRule& step = *map.options.step;
  if (!step.is_polar() || map.is_last()) return {update, cost};
  Tally polar(map.step, rates);
  add_polar_step(polar, step.kind, map.shape(), map.step.ranks);
  cost += cost_of(Tally(map.step, rates), polar);
  return {fmt::format("{}, polar", update), cost};
}

}  // namespace

const MethodTraits sibp_method{
    .name = "sibp",
    .parameters =
        "eta step damping form carry momentum momentum-of nesterov weight-decay gram-every gram-lag gram-average "
        "gram-burn-in "
        "gram-damping gram-sample gram-stagger owners conv-damping conv-gram-every conv-gram-average conv-gram-sample",
    .settle = settle,
    .step_size = step_size,
    .weight_decay = weight_decay,
    .make = make,
    .moments = moments,
    .elements = elements,
    .kept_elements = kept_elements,
    .cost = cost,
    .has_forms = true,
    .has_owners = true,
    .solves_scales = true};

std::unique_ptr<UpdateRule> make_semi_implicit(const UpdateContext& context, const NetworkSpec& spec,
                                               const ProximalOptions& options) {
  return std::make_unique<SemiImplicit>(context, spec, options);
}

}  // namespace sibp
