#include "sibp/trainer/training_state.hpp"

#include <algorithm>
#include <numeric>

namespace sibp {

double Interval::total_seconds() const {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

MetricsRecord record_of(const TrainingState& state, Index training_samples) {
  const Interval& interval = state.interval;
  const auto steps = static_cast<double>(std::max<Index>(interval.steps, 1));
  const auto samples = static_cast<double>(std::max<Index>(interval.samples, 1));
  const auto per_step = [&](Phase phase) { return interval.seconds.at(static_cast<std::size_t>(phase)) / steps; };
  const double seconds = interval.total_seconds();
  SecondsByCollective collectives = interval.collectives;
  for (const Collective kind : all_collectives)
    collectives[kind] = {collectives[kind].hidden / steps, collectives[kind].exposed / steps};
  return {.step = state.step,
          .epoch = static_cast<double>(state.samples) / static_cast<double>(training_samples),
          .train = {interval.sums.loss / samples, static_cast<double>(interval.sums.correct) / samples},
          .eta = interval.eta,
          .lambda_min = interval.lambda.smallest,
          .lambda_max = interval.lambda.largest,
          .seconds_step = seconds / steps,
          .seconds = {per_step(Phase::forward), per_step(Phase::backward), per_step(Phase::solve),
                      per_step(Phase::communication), per_step(Phase::reading)},
          .seconds_total = state.seconds + seconds,
          .collectives = collectives,
          .bytes_reduced = interval.bytes_reduced / std::max<Index>(interval.steps, 1),
          .samples_per_second = seconds > 0 ? static_cast<double>(interval.samples) / seconds : 0};
}

}  // namespace sibp
