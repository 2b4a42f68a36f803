#include "update/reshaped_update.hpp"

#include <cmath>

#include <fmt/format.h>

namespace sibp {

double step_factor(const StepRule& rule, const StepSize& step, bool is_last, double move, double size) {
  if (!rule.measures() || is_last) return step.eta;
  if (!(move > 0) || !(size > 0)) return 0;
  return rule.kappa * step.share * std::sqrt(size / move);
}

ReshapedUpdate::ReshapedUpdate(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options)
    : context_(context),
      rule_(options.step),
      momentum_(options.momentum),
      decay_(options.weight_decay),
      carries_new_(options.carry == Carry::new_weights) {
  for (const MapShape& map : spec.maps) {
    steps_.push_back(context.device.allocate(map.outputs, map.fan_in()));
    if (momentum_.averages_updates()) averages_.push_back(context.device.allocate(map.outputs, map.fan_in()));
  }
}

ProximalStep ReshapedUpdate::backward(ProximalForm& form, LinearMap& map, const StepSize& step) {
  const MatrixView solved = steps_[map.index()].view();
  const bool is_last = map.index() + 1 == steps_.size();
  context_.device.fill(solved, 0);
  if (!carries_new_) carry_difference(context_, map);
  const ProximalStep result = form.backward(
      {.map = map, .eta = 1, .target = solved, .carries = false, .measures = rule_.measures() && !is_last});
  form.finish(solved);
  const double factor = step_factor(rule_, step, is_last, result.move, result.size);
  if (result.failed_minor == 0) update(map, step, factor);
  if (carries_new_) carry_difference(context_, map);
  return result;
}

void ReshapedUpdate::update(LinearMap& map, const StepSize& step, double factor) {
  const PhaseClock::Scope timed(context_.clock, Phase::solve);
  Device& device = context_.device;
  const MatrixView weights = map.weights();
  const MatrixView solved = steps_[map.index()].view();
  if (decay_ > 0) device.scale(static_cast<Real>(1 - decay_ * step.share), weights);
  if (averages_.empty()) {
    device.axpy(static_cast<Real>(factor), solved, weights);
    return;
  }
  const MatrixView average = averages_[map.index()].view();
  device.scale(static_cast<Real>(momentum_.mu), average);
  device.axpy(static_cast<Real>((1 - momentum_.mu) * factor), solved, average);
  device.axpy(static_cast<Real>(momentum_.of_average()), average, weights);
  if (momentum_.nesterov) device.axpy(static_cast<Real>(momentum_.of_step() * factor), solved, weights);
}

void ReshapedUpdate::add_state(UpdateState& state) {
  for (std::size_t i = 0; i < averages_.size(); ++i)
    state.matrices.emplace(fmt::format("momentum.{}", i), averages_[i].view());
}

}  // namespace sibp
