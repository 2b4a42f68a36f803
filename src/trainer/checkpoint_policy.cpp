#include "trainer/checkpoint_policy.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/trainer/replica_check.hpp"

#include <filesystem>

namespace sibp {

CheckpointPolicy::CheckpointPolicy(const TrainingParts& parts, TrainingState& state)
    : parts_(parts), control_(parts.control), state_(state) {
  if (state_.best.measure != control_.keep_best) state_.best = {};
}

StepRequests CheckpointPolicy::requests() const {
  return {.stop = control_.stop_requested && control_.stop_requested(),
          .checkpoint = control_.checkpointer != nullptr && control_.checkpointer->due(),
          .end = failure().has_value(),
          .complete = control_.blocks != nullptr && control_.blocks->is_done()};
}

void CheckpointPolicy::follow(const StepRequests& requests) {
  if (requests.complete) complete();
  if (requests.end) agree_on(parts_.context.communicator, failure());
  is_requested_ = requests.checkpoint;
}

void CheckpointPolicy::note_best(const MetricsRecord& record) {
  if (control_.keep_best == Measure::none || !record.validation) return;
  if (improve(state_.best, control_.keep_best, state_.step, *record.validation)) is_requested_ = true;
}

bool CheckpointPolicy::is_due() const {
  if (!has_unsaved_steps()) return false;
  const Index every = control_.checkpoint_every;
  return is_requested_ || state_.step == parts_.steps ||
         (every > 0 && state_.step > control_.start.step && state_.step % every == 0);
}

bool CheckpointPolicy::has_unsaved_steps() const {
  return control_.keeps_checkpoints && state_.step != saved_step_;
}

void CheckpointPolicy::save() {
  check_weights();
  parts_.rule.gather_state();
  check_method();
  complete();
  agreed(parts_.context.communicator, [&] {
    if (control_.checkpointer != nullptr) control_.checkpointer->save(state_);
  });
  if (control_.blocks != nullptr)
    control_.blocks->start(
        control_.checkpointer != nullptr ? control_.checkpointer->file_of_blocks() : std::filesystem::path(),
        state_.step);
  saved_step_ = state_.step;
  is_requested_ = false;
}

void CheckpointPolicy::finish() {
  beat(Activity::checkpoint, state_.step);
  complete();
  agreed(parts_.context.communicator, [&] {
    if (control_.checkpointer != nullptr) control_.checkpointer->finish(state_.best.step);
  });
}

void CheckpointPolicy::check_weights() const {
  Replicas weights;
  for (const Parameter& parameter : parts_.network.parameters)
    weights.emplace(parameter.name(), parameter.matrix.view());
  check_replicas(parts_.context.device, parts_.context.communicator, weights, state_.step);
}

std::optional<Failure> CheckpointPolicy::failure() const {
  return control_.checkpointer != nullptr ? control_.checkpointer->failure() : std::nullopt;
}

void CheckpointPolicy::check_method() const {
  Replicas replicas;
  for (const auto& [name, matrix] : parts_.rule.state().matrices) replicas.emplace("method's " + name, matrix);
  check_replicas(parts_.context.device, parts_.context.communicator, replicas, state_.step);
}

/// Waits for the blocks of the checkpoint that is under way, if there are any.
void CheckpointPolicy::complete() {
  if (control_.blocks == nullptr || !control_.blocks->under_way()) return;
  const WrittenBlocks written = control_.blocks->collect();
  if (control_.checkpointer != nullptr) control_.checkpointer->complete(written);
}

}  // namespace sibp
