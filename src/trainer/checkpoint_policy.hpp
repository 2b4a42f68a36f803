#pragma once

#include "sibp/trainer/training_state.hpp"
#include "sibp/trainer/training_step.hpp"

#include "trainer/training_parts.hpp"

#include <optional>

namespace sibp {

/// Decides when a training is saved (every so many steps, when a rank asks for it, when the weights are the best so far
/// and at the end) and saves it. All functions are called by all ranks alike.
class CheckpointPolicy {
 public:
  /// Of the training in `state`. All outlive it.
  CheckpointPolicy(const TrainingParts& parts, TrainingState& state);

  /// What this rank asks for after a step. Local.
  [[nodiscard]] StepRequests requests() const;
  /// Does what ranks have asked for after a step, a stop apart. Collective. Throws AgreedError if the first checkpoint
  /// cannot be written.
  void follow(const StepRequests& requests);
  /// Weights that are the best so far get a checkpoint at once. Local.
  void note_best(const MetricsRecord& record);

  /// Whether the training is to be saved now. Local.
  [[nodiscard]] bool is_due() const;
  /// Whether a training that stops now loses steps. Local.
  [[nodiscard]] bool has_unsaved_steps() const;
  /// Starts to write a checkpoint. Collective. Throws AgreedError: disagree if ranks have different weights, which no
  /// checkpoint holds, diverged if they are not finite.
  void save();
  /// Waits until the last checkpoint is written. Collective. Throws AgreedError if it cannot be.
  void finish();

  /// Throws AgreedError (disagree) if ranks have different weights. Collective.
  void check_weights() const;

 private:
  [[nodiscard]] std::optional<Failure> failure() const;
  void check_method() const;
  void complete();

  const TrainingParts& parts_;
  const TrainingControl& control_;
  TrainingState& state_;
  bool is_requested_ = false;
  Index saved_step_ = -1;
};

}  // namespace sibp
