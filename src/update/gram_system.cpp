#include "update/gram_system.hpp"

#include <cmath>

namespace sibp {

GramSystem::GramSystem(const UpdateContext& context, const MapShape& map, const SystemOptions& options, FusedSums& sums,
                       std::size_t place)
    : context_(context),
      options_(options),
      sums_(sums),
      place_(place),
      gram_(context.device.allocate(map.fan_in(), map.fan_in())),
      mean_(context.device.allocate(averages() ? map.fan_in() : 0, map.fan_in())) {
}

void GramSystem::start(LinearMap& map, Index samples) {
  const GramRefresh& refresh = options_.refresh;
  samples_ = samples;
  sampled_ = (samples + options_.sample - 1) / options_.sample;
  const Index beyond = steps_ - refresh.burn_in;
  due_ = !averages() || beyond <= 0 || beyond % refresh.every == 0;
  uses_mean_ = averages() && beyond >= 0;
  ++steps_;
  if (!due_) return;
  // A_p = P̂_p P̂_pᵀ   (fan_in × fan_in)
  const ColumnSource inputs = map.sampled_inputs(options_.sample);
  if (distributed()) {
    sums_.set_triangle(place_, inputs, gram_.view());
    sums_.ready(place_);
  } else {
    form_triangle(context_.device, inputs, gram_.view());
  }
}

ProximalStep GramSystem::factorise() {
  if (!due_ && has_factor_) return last_;  // not due and no factor: the first step of a run that goes on
  if (due_ && distributed()) await_sum();
  if (due_ && averages()) add_to_mean();
  last_ = uses_mean_ ? factorise_mean() : factorise_own();
  has_factor_ = true;
  return last_;
}

/// Of this batch's A, for as many samples as the batch has.
ProximalStep GramSystem::factorise_own() {
  mean_over_ = 1;
  if (sampled_ != samples_)
    context_.device.scale(static_cast<Real>(static_cast<double>(samples_) / static_cast<double>(sampled_)),
                          gram_.view());
  return sibp::factorise(context_.device, gram_.view(), options_.damping, gram_.rows());
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
  const double average = options_.refresh.average;
  context_.device.scale(static_cast<Real>(average), mean_.view());
  context_.device.axpy(static_cast<Real>((1 - average) / static_cast<double>(sampled_)), gram_.view(), mean_.view());
}

/// Of Ā over the weights in it, 1 − βᵏ after k batches.
ProximalStep GramSystem::factorise_mean() {
  mean_over_ = mean_samples_;
  context_.device.copy(mean_.view(), gram_.view());
  const double weight = 1 - std::pow(options_.refresh.average, static_cast<double>(batches_));
  context_.device.scale(static_cast<Real>(1 / weight), gram_.view());
  return sibp::factorise(context_.device, gram_.view(), options_.refresh.damping, gram_.rows(), mean_samples_);
}

void GramSystem::add_state(UpdateState& state, const std::string& prefix) {
  if (!averages()) return;
  state.matrices.emplace(prefix + ".mean", mean_.view());
  state.numbers.emplace(prefix + ".batches", batches_);
  state.numbers.emplace(prefix + ".steps", steps_);
  state.numbers.emplace(prefix + ".samples", mean_samples_);
}

void add_gram_cost(Tally& tally, const LayerInStep& layer) {
  const StepShape& step = layer.step;
  const Sizes s(layer);
  const bool convolves = layer.layer.columns > 1;
  const double columns = s.local / static_cast<double>(convolves ? step.convolution_gram_sample : 1);
  Tally gram = tally.fresh();
  gram.syrk(s.n, columns);
  if (convolves) gram.touch(2 * s.n * columns);                        // patches unfolded
  if (step.ranks > 1) gram.touch(2 * s.n * s.n);                       // packed and unpacked
  if (step.gram_every_of(layer.layer) > 1) gram.touch(6 * s.n * s.n);  // the mean
  gram.all_reduce(s.n * (s.n + 1) / 2);
  gram.cholesky(s.n);
  tally.add(gram, step.gram_every_of(layer.layer));
}

double gram_elements(const LayerInStep& layer) {
  const Sizes s(layer);
  const bool averages = layer.step.gram_every_of(layer.layer) > 1;
  return s.n * s.n * (averages ? 2 : 1) + (layer.step.ranks > 1 ? s.n * (s.n + 1) / 2 : 0);
}

}  // namespace sibp
