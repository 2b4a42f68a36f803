#pragma once

#include "sibp/trainer/evaluation.hpp"
#include "sibp/trainer/training_state.hpp"
#include "sibp/trainer/training_step.hpp"

#include "trainer/training_parts.hpp"

#include <cstdint>
#include <optional>

namespace sibp {

/// Makes the records of a training: counts what happens between them, evaluates the network, and tells the observer.
/// All functions are called by all ranks alike.
class Recorder {
 public:
  /// Counts in `state`; evaluates by `workspace`. All outlive it.
  Recorder(const TrainingParts& parts, TrainingState& state, const DeviceNormalisation& normalisation,
           Workspace& workspace)
      : parts_(parts), state_(state), normalisation_(normalisation), workspace_(workspace) {}

  /// Counts a step that is done. Throws AgreedError (diverged) if the loss stays far above its first value. Local.
  void add_step(const LossSums& sums, Index samples, double eta);

  /// Brings times and bytes since the last record up to date. Local.
  void settle();
  /// Leaves out what was done since settle(), such as a checkpoint. Local.
  void start_counting();

  /// Whether this step ends with a record: also just after a start from a checkpoint of a step without its record.
  /// Local.
  [[nodiscard]] bool is_due() const;
  /// The record of this step, which the observer has seen; nothing if a stop was requested meanwhile. Collective.
  /// Throws AgreedError (diverged) if a loss is not finite.
  std::optional<MetricsRecord> make_record();
  /// The last record, over the whole sets; the rest as above.
  std::optional<MetricsRecord> make_final_record();

  /// The step that was done last, or is being done. Local.
  [[nodiscard]] StepPlace place() const;

 private:
  [[nodiscard]] bool evaluation_is_due() const;
  std::optional<LossAndAccuracy> evaluate_split(const LocalSplit& split, bool must_be_finite = true);
  bool add_training_sample(MetricsRecord& record);
  bool add_evaluations(MetricsRecord& record);
  bool evaluate_held_out(std::optional<LossAndAccuracy>& validation, std::optional<LossAndAccuracy>& test,
                         bool must_be_finite);

  const TrainingParts& parts_;
  TrainingState& state_;
  const DeviceNormalisation& normalisation_;
  Workspace& workspace_;
  std::int64_t bytes_before_ = 0;
};

}  // namespace sibp
