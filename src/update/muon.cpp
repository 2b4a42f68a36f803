// Muon (Jordan et al. 2024): momentum, and in place of its matrix the polar factor, so that every direction of a
// layer's neurons moves equally:
//
//   V ← μ V + G,   Ŵ ← (1 − δ η) Ŵ − η √max(1, o/n) msgn(G + μ V)
//
// for the hidden maps, those before the last, o × n with their biases. The last map, γ and β follow Adam at a hundredth
// of η, as its authors advise.
#include "update/method_traits.hpp"
#include "update/optimiser.hpp"
#include "update/polar_factor.hpp"
#include "update/tally.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr double share_of_adam = 0.01;

std::span<const MapShape> hidden(const NetworkSpec& spec) {
  return std::span(spec.maps).first(spec.maps.size() - 1);
}

Index shorter_side(const MapShape& map) {
  return std::min(map.outputs, map.fan_in());
}

/// The largest that `measure` says of the hidden maps.
template <class Measure>
Index most(const NetworkSpec& spec, const Measure& measure) {
  Index largest = 0;
  for (const MapShape& map : hidden(spec)) largest = std::max(largest, measure(map));
  return largest;
}

Index parameters_of(const MapShape& map) {
  return map.parameters();
}

MethodOptions options_of_adam(MethodOptions options) {
  options.weight_decay = 0;
  return options;
}

/// Muon of the hidden maps, Adam of the rest.
class MuonState final : public OptimiserState {
 public:
  MuonState(Device& device, const NetworkSpec& spec, const MethodOptions& options)
      : OptimiserState(device, spec, Optimiser::adam, options_of_adam(options), spec.maps.size() - 1),
        device_(device),
        momentum_(options.momentum.value_or(0)),
        decay_(*options.weight_decay),
        polar_(device, most(spec, shorter_side), most(spec, parameters_of)),
        step_(device) {
    step_.of(most(spec, parameters_of), 1);
    for (const MapShape& map : hidden(spec)) velocities_.push_back(device.allocate(map.outputs, map.fan_in()));
  }

  void apply(std::size_t map, double rate, ConstMatrixView gradient, MatrixView weights) override {
    if (map == velocities_.size()) return OptimiserState::apply(map, share_of_adam * rate, gradient, weights);
    const MatrixView velocity = velocities_[map].view();
    const MatrixView step = step_.of(weights.rows, weights.cols);
    device_.scale(static_cast<Real>(momentum_), velocity);
    device_.axpy(1, gradient, velocity);
    device_.copy(gradient, step);
    device_.axpy(static_cast<Real>(momentum_), velocity, step);  // Nesterov's
    polar_.replace(step);
    const double shape = static_cast<double>(weights.rows) / static_cast<double>(weights.cols);
    device_.scale(static_cast<Real>(1 - decay_ * rate), weights);
    device_.axpy(static_cast<Real>(-rate * std::sqrt(std::max(1.0, shape))), step, weights);
  }

  void apply_scales(std::size_t scales, double rate, ConstMatrixView gradient, MatrixView weights) override {
    OptimiserState::apply_scales(scales, share_of_adam * rate, gradient, weights);
  }

  [[nodiscard]] UpdateState state() override {
    UpdateState state = OptimiserState::state();
    for (std::size_t i = 0; i < velocities_.size(); ++i)
      state.matrices.emplace(fmt::format("velocity.{}", i), velocities_[i].view());
    return state;
  }

 private:
  Device& device_;
  double momentum_;
  double decay_;
  PolarFactor polar_;
  Scratch step_;
  std::vector<Matrix> velocities_;  ///< V of the hidden maps
};

void set_defaults(MethodOptions& options) {
  options.momentum = 0.9;
}

double step_size(const MethodOptions&, const NetworkSpec&) {
  return 0.1;
}

std::unique_ptr<UpdateRule> make(const UpdateContext& context, const NetworkSpec& spec, const MethodOptions& options,
                                 const BatchCapacity&) {
  return make_gradient_descent(context, spec, std::make_unique<MuonState>(context.device, spec, options));
}

double moments(const MethodOptions&) {
  return 2;  // Adam's; V alone of the maps before the last
}

/// The gradient and V, or Adam's moments.
double elements(const MapInMethod& map) {
  return (map.is_last() ? 3 : 2) * map.weights();
}

/// The step, and what its polar factor is made of.
double shared_elements(const NetworkSpec& spec, double) {
  const auto shorter = static_cast<double>(most(spec, shorter_side));
  const auto parameters = static_cast<double>(most(spec, parameters_of));
  return PolarFactor::elements(shorter, parameters) + parameters;
}

MapCost cost(const MapInMethod& map, const MachineRates& rates) {
  LayerCost cost = gradient_cost(map.in_step(), rates);
  if (map.is_last()) return {"gradient, Adam", cost};
  Tally polar(map.step, rates);
  PolarFactor::add_cost(polar, static_cast<double>(map.shape().outputs), static_cast<double>(map.shape().fan_in()));
  cost.flops_update += polar.flops;
  cost.seconds_update += polar.seconds;
  return {"polar factor", cost};
}

}  // namespace

extern const MethodTraits muon_method;  // a constant is known to its own file alone otherwise
const MethodTraits muon_method{.name = "muon",
                               .note = "momentum, and the polar factor of its matrix",
                               .parameters = "lr momentum weight-decay",
                               .set_defaults = set_defaults,
                               .step_size = step_size,
                               .make = make,
                               .moments = moments,
                               .elements = elements,
                               .shared_elements = shared_elements,
                               .cost = cost,
                               .needs_alike_ranks = true};

}  // namespace sibp
