#include "update/gram_system.hpp"

#include <cmath>

namespace sibp {

GramSystem::GramSystem(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options,
                       FusedSums& sums, std::size_t place)
    : context_(context),
      damping_(options.damping),
      refresh_(options.refresh),
      sums_(sums),
      place_(place),
      gram_(context.device.allocate(layer.fan_in(), layer.fan_in())),
      mean_(context.device.allocate(averages() ? layer.fan_in() : 0, layer.fan_in())) {
}

void GramSystem::start(ConstMatrixView features, Index samples) {
  samples_ = samples;
  const Index beyond = steps_ - refresh_.burn_in;
  due_ = !averages() || beyond <= 0 || beyond % refresh_.every == 0;
  uses_mean_ = averages() && beyond >= 0;
  ++steps_;
  if (!due_) return;
  // A_p = F̂_p F̂_pᵀ   (fan_in × fan_in)
  if (distributed()) {
    sums_.set_triangle(place_, features, gram_.view());
    sums_.ready(place_);
  } else {
    context_.device.syrk(Op::none, 1, features, 0, gram_.view());
  }
}

ProximalStep GramSystem::factorise() {
  if (!due_) {
    if (!has_factor_) last_ = factorise_mean();  // the first step of a run that goes on
    return last_;
  }
  if (distributed()) await_sum();
  if (averages()) add_to_mean();
  last_ = uses_mean_ ? factorise_mean() : sibp::factorise(context_.device, gram_.view(), damping_, gram_.rows());
  has_factor_ = true;
  return last_;
}

void GramSystem::await_sum() {
  if (sums_.under_way(place_)) {
    const PhaseClock::Scope timed(context_.clock, Phase::communication);
    sums_.wait(place_);
  }
  context_.device.unpack_triangle(sums_.view(place_), gram_.view());
}

/// Ā ← β Ā + (1 − β) A / M
void GramSystem::add_to_mean() {
  mean_samples_ = samples_;
  ++batches_;
  context_.device.scale(static_cast<Real>(refresh_.average), mean_.view());
  context_.device.axpy(static_cast<Real>((1 - refresh_.average) / static_cast<double>(samples_)), gram_.view(),
                       mean_.view());
}

/// Of Ā over the weights in it, 1 − βᵏ after k batches.
ProximalStep GramSystem::factorise_mean() {
  has_factor_ = true;
  context_.device.copy(mean_.view(), gram_.view());
  const double weight = 1 - std::pow(refresh_.average, static_cast<double>(batches_));
  context_.device.scale(static_cast<Real>(1 / weight), gram_.view());
  return sibp::factorise(context_.device, gram_.view(), refresh_.damping, gram_.rows(), mean_samples_);
}

void GramSystem::add_state(UpdateState& state, const std::string& prefix) {
  if (!averages()) return;
  state.matrices.emplace(prefix + ".mean", mean_.view());
  state.numbers.emplace(prefix + ".batches", batches_);
  state.numbers.emplace(prefix + ".steps", steps_);
  state.numbers.emplace(prefix + ".samples", mean_samples_);
}

}  // namespace sibp
