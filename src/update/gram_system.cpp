#include "update/gram_system.hpp"

#include <cmath>

namespace sibp {

GramSystem::GramSystem(const UpdateContext& context, Index n, const SystemOptions& options, const GramPlace& place)
    : context_(context),
      options_(options),
      place_(place),
      gram_(context.device.allocate(n, n)),
      batch_(context.device.allocate(lags() ? n : 0, n)),
      mean_(context.device.allocate(averages() ? n : 0, n)) {
}

bool GramSystem::is_due(Index step) const {
  const Index beyond = step - options_.refresh.burn_in;
  return !averages() || beyond <= 0 || beyond % options_.refresh.every == 0;
}

void GramSystem::start(LinearMap& map, Index samples) {
  begin(samples);
  if (due_) form(map.sampled_inputs(options_.sample));
}

void GramSystem::start(const ColumnSource& columns, Index samples) {
  begin(samples);
  if (due_) form(columns);
}

void GramSystem::begin(Index samples) {
  samples_ = samples;
  sampled_ = (samples + options_.sample - 1) / options_.sample;
  due_ = is_due(steps_);
  was_due_ = is_due(steps_ - 1);
  uses_mean_ = averages() && steps_ >= options_.refresh.burn_in && (!lags() || batches_ > 0);
  ++steps_;
}

/// A_p = P̂_p P̂_pᵀ   (n × n)
void GramSystem::form(const ColumnSource& columns) {
  if (distributed()) {
    place_.sums.set_triangle(place_.place, columns, batch());
    place_.sums.ready(place_.place);
  } else {
    form_triangle(context_.device, columns, batch());
  }
}

ProximalStep GramSystem::factorise() {
  if (lags()) return factorise_before();
  if (!due_ && has_factor_) return last_;  // not due and no factor: the first step of a run that goes on
  if (due_) take_batch();
  last_ = uses_mean_ ? factorise_mean() : factorise_own();
  has_factor_ = true;
  return last_;
}

/// Of the batches before this one, if there are any: this one's A is in the factor of the next step.
ProximalStep GramSystem::factorise_before() {
  if (uses_mean_ && !has_factor_) last_ = factorise_mean();
  if (due_) take_batch();
  if (!uses_mean_) {
    context_.device.copy(batch(), gram_.view());
    last_ = factorise_own();
  }
  has_factor_ = !due_;
  return last_;
}

void GramSystem::take_batch() {
  if (distributed()) await_sum();
  if (averages()) add_to_mean();
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
  if (place_.sums.under_way(place_.place)) {
    const PhaseClock::Scope timed(context_.clock, Phase::communication);
    place_.sums.wait(place_.place);
  }
  context_.device.unpack_triangle(place_.sums.view(place_.place), batch());
}

/// Ā ← β Ā + (1 − β) A / M
void GramSystem::add_to_mean() {
  mean_samples_ = samples_;
  ++batches_;
  const double average = options_.refresh.average;
  context_.device.scale(static_cast<Real>(average), mean_.view());
  context_.device.axpy(static_cast<Real>((1 - average) / static_cast<double>(sampled_)), batch(), mean_.view());
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
  if (convolves) gram.touch(2 * s.n * columns);                    // patches unfolded
  if (step.ranks > 1) gram.touch(2 * s.n * s.n);                   // packed and unpacked
  if (step.keeps_mean_of(layer.layer)) gram.touch(6 * s.n * s.n);  // the mean
  gram.all_reduce(s.n * (s.n + 1) / 2);
  gram.cholesky(s.n);
  tally.add(gram, step.gram_every_of(layer.layer));
}

double gram_elements(Index n, const LayerInStep& layer) {
  const auto size = static_cast<double>(n);
  const double kept = (layer.step.keeps_mean_of(layer.layer) ? 1 : 0) + (layer.step.gram_lags ? 1 : 0);
  return size * size * (1 + kept) + (layer.step.ranks > 1 ? size * (size + 1) / 2 : 0);
}

}  // namespace sibp
