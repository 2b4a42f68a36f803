#pragma once

#include "sibp/comm/traffic.hpp"
#include "sibp/core/phase_clock.hpp"
#include "sibp/device/device.hpp"
#include "sibp/trainer/best.hpp"
#include "sibp/trainer/divergence.hpp"
#include "sibp/trainer/metrics.hpp"
#include "sibp/update/update_rule.hpp"

#include <array>

namespace sibp {

/// What happened since the last record.
struct Interval {
  Index steps = 0;
  Index samples = 0;  ///< over all ranks
  LossSums sums;      ///< over all ranks' samples
  double eta = 0;     ///< of the last step
  LambdaRange lambda;
  std::int64_t bytes_reduced = 0;
  SecondsByCollective collectives;
  std::array<double, PhaseClock::phases> seconds{};  ///< by Phase

  [[nodiscard]] double total_seconds() const;

  friend bool operator==(const Interval&, const Interval&) = default;
};

/// How far a training is: what it needs to go on as if it had never stopped, beside the weights and the method's state.
/// The same on all ranks, seconds apart.
struct TrainingState {
  Index step = 0;      ///< updates done; the next batch of the order follows from it
  Index samples = 0;   ///< trained on so far, over all ranks
  double seconds = 0;  ///< of training up to the last record
  Interval interval;
  Best best{};              ///< by the measure that checkpoints are kept by
  Divergence divergence{};  ///< of the batches' losses

  friend bool operator==(const TrainingState&, const TrainingState&) = default;
};

/// The record of the interval, with the loss of its batches; nothing is evaluated. `training_samples` are those of an
/// epoch. Local.
MetricsRecord record_of(const TrainingState& state, Index training_samples);

}  // namespace sibp
