#include "trainer/recorder.hpp"

#include "sibp/core/heartbeat.hpp"
#include "sibp/core/process.hpp"

#include <cmath>

namespace sibp {

void Recorder::add_step(const LossSums& sums, Index samples, double eta) {
  const double loss = sums.loss / static_cast<double>(samples);
  state_.samples += samples;
  Interval& interval = state_.interval;
  ++interval.steps;
  interval.samples += samples;
  interval.sums.loss += sums.loss;
  interval.sums.correct += sums.correct;
  interval.eta = eta;
  interval.lambda = parts_.rule.lambda_range();
  const bool has_diverged = state_.divergence.add(loss);
  if (parts_.observer != nullptr) parts_.observer->on_step(state_.step, parts_.steps, loss, state_.samples);
  if (has_diverged) throw_far_off(place(), loss, state_.divergence.limit());
}

void Recorder::settle() {
  PhaseClock& clock = parts_.context.clock;
  { const PhaseClock::Scope settled(clock, Phase::other); }
  Interval& interval = state_.interval;
  for (std::size_t phase = 0; phase < PhaseClock::phases; ++phase)
    interval.seconds.at(phase) += clock.seconds(static_cast<Phase>(phase));
  interval.bytes_reduced += parts_.context.communicator.bytes_reduced() - bytes_before_;
  const SecondsByCollective taken = parts_.context.communicator.traffic().take_seconds();
  for (const Collective kind : all_collectives) interval.collectives[kind] += taken[kind];
  start_counting();
}

void Recorder::start_counting() {
  bytes_before_ = parts_.context.communicator.bytes_reduced();
  parts_.context.communicator.traffic().take_seconds();
  parts_.context.clock.reset();
}

bool Recorder::evaluation_is_due() const {
  const Index every = parts_.options.evaluate_every;
  return state_.step % (every > 0 ? every : parts_.data.order->batches_per_epoch()) == 0;
}

bool Recorder::is_due() const {
  if (state_.interval.steps == 0 || state_.step == parts_.steps) return false;
  const Index every = parts_.options.log_every;
  return evaluation_is_due() || (every > 0 && state_.step % every == 0);
}

std::optional<MetricsRecord> Recorder::make_record() {
  settle();
  MetricsRecord record = record_of(state_, parts_.data.training.global_size());
  if (!add_training_sample(record) || (evaluation_is_due() && !add_evaluations(record))) {
    start_counting();
    return std::nullopt;
  }
  if (parts_.observer != nullptr) parts_.observer->on_record(record);
  state_.seconds = record.seconds_total;
  state_.interval = {};
  start_counting();
  return record;
}

std::optional<MetricsRecord> Recorder::make_final_record() {
  settle();
  MetricsRecord record = record_of(state_, parts_.data.training.global_size());
  record.is_final = true;
  const auto train = evaluate_split(parts_.data.training);
  if (!train || !add_training_sample(record) || !add_evaluations(record)) return std::nullopt;
  record.train = *train;
  if (state_.divergence.is_beyond(train->loss)) throw_far_off(place(), train->loss, state_.divergence.limit());
  record.peak_memory_bytes = parts_.context.communicator.max(peak_memory_bytes());
  if (parts_.observer != nullptr) parts_.observer->on_record(record);
  return record;
}

StepPlace Recorder::place() const {
  return {.step = state_.step, .epoch = 1 + (state_.step - 1) / parts_.data.order->batches_per_epoch()};
}

/// Nothing on every rank if a stop was requested on any. Throws on every rank, as all have the same sum: the last
/// update may be the one that fails.
std::optional<LossAndAccuracy> Recorder::evaluate_split(const LocalSplit& split, bool must_be_finite) {
  beat(Activity::evaluation, state_.step);
  const auto result = evaluate(parts_.context.device, parts_.context.communicator, split, normalisation_, workspace_,
                               parts_.control.stop_requested);
  if (must_be_finite && result && !std::isfinite(result->loss)) throw_diverged(place());
  return result;
}

/// False if a stop was requested meanwhile.
bool Recorder::add_training_sample(MetricsRecord& record) {
  if (parts_.data.training_sample.global_size() == 0) return true;
  record.training_sample = evaluate_split(parts_.data.training_sample);
  return record.training_sample.has_value();
}

/// False as above.
bool Recorder::add_evaluations(MetricsRecord& record) {
  if (!evaluate_held_out(record.validation, record.test, true)) return false;
  AveragedWeights* const average = parts_.control.average;
  if (average == nullptr) return true;
  average->exchange();
  const bool is_done = evaluate_held_out(record.validation_average, record.test_average, false);
  average->exchange();
  return is_done;
}

/// With the weights that the network has now; false as above.
bool Recorder::evaluate_held_out(std::optional<LossAndAccuracy>& validation, std::optional<LossAndAccuracy>& test,
                                 bool must_be_finite) {
  if (parts_.data.validation.global_size() > 0) {
    validation = evaluate_split(parts_.data.validation, must_be_finite);
    if (!validation) return false;
  }
  test = evaluate_split(parts_.data.test, must_be_finite);
  return test.has_value();
}

}  // namespace sibp
