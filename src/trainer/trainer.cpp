#include "sibp/trainer/trainer.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/trainer/batch_reader.hpp"
#include "sibp/trainer/schedule.hpp"

#include "trainer/checkpoint_policy.hpp"
#include "trainer/recorder.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sibp {
namespace {

class Training {
 public:
  explicit Training(const TrainingParts& parts)
      : parts_(parts),
        order_(*parts.data.order),
        state_(parts.control.start),
        normalisation_(to_device(parts.context.device, parts.data.normalisation)),
        workspace_(agreed(parts.context.communicator,
                          [&] {
                            return Workspace(parts.context.device, parts.context.communicator, parts.network,
                                             workspace_capacity(parts.network.spec, order_.largest_local_size()));
                          })),
        reader_(parts.context.device, order_, *parts.data.training.samples, normalisation_, workspace_.capacity(),
                Augmenter(parts.options.augmentation, parts.data.training.samples->shape(), parts.options.seed),
                parts.options.seed),
        recorder_(parts_, state_, normalisation_, workspace_),
        checkpoints_(parts_, state_) {}

  TrainingResult run() {
    check_length();
    start_reading();
    recorder_.start_counting();
    while (true) {
      if (recorder_.is_due() && !make_record()) return stop();
      if (checkpoints_.is_due()) save_checkpoint();
      if (state_.step == parts_.steps) break;
      if (take_step()) return stop();
    }
    return finish();
  }

 private:
  void check_length() const {
    check_warmup(parts_.options, parts_.steps);
    if (state_.step > parts_.steps)
      throw AgreedError(ExitStatus::usage,
                        fmt::format("`steps` or `epochs`: found {} steps, but the checkpoint is that "
                                    "of step {}; expected at least as many",
                                    parts_.steps, state_.step));
  }

  void start_reading() {
    const Index batches = order_.batches_per_epoch();
    if (state_.step < parts_.steps) reader_.start(state_.step / batches, state_.step % batches);
  }

  /// Returns true if the training is to stop here.
  bool take_step() {
    const Index samples = order_.global_size(state_.step % order_.batches_per_epoch());
    const double eta = eta_at(parts_.options, parts_.eta, state_.step, parts_.steps);
    {
      const PhaseClock::Scope timed(parts_.context.clock, Phase::reading);
      reader_.take(workspace_.inputs());
    }
    ++state_.step;
    start_reading();  // while this batch is trained on
    const StepResult result = training_step(
        parts_.context, parts_.rule, workspace_, {samples, eta, eta / parts_.eta}, recorder_.place(),
        [this] { return checkpoints_.requests(); }, parts_.options.label_smoothing);
    recorder_.add_step(result.sums, samples, eta);
    checkpoints_.follow(result.requests);
    const Index every = parts_.control.check_every;
    if (every > 0 && state_.step % every == 0) checkpoints_.check_weights();
    return result.requests.stop;
  }

  /// False if a stop was requested meanwhile: then there is no record.
  bool make_record() {
    const auto record = recorder_.make_record();
    if (record) checkpoints_.note_best(*record);
    return record.has_value();
  }

  /// Its time is no time of training.
  void save_checkpoint() {
    recorder_.settle();
    checkpoints_.save();
    recorder_.start_counting();
  }

  TrainingResult stop() {
    if (checkpoints_.has_unsaved_steps()) save_checkpoint();
    checkpoints_.finish();
    return {.stopped = true, .step = state_.step};
  }

  TrainingResult finish() {
    const auto last = recorder_.make_final_record();
    if (!last) return stop();
    checkpoints_.note_best(*last);
    checkpoints_.finish();
    return {.stopped = false, .step = state_.step, .last = *last, .best = state_.best};
  }

  TrainingParts parts_;
  SampleOrder& order_;
  TrainingState state_;
  DeviceNormalisation normalisation_;
  Workspace workspace_;
  BatchReader reader_;
  Recorder recorder_;
  CheckpointPolicy checkpoints_;
};

}  // namespace

Index total_steps(const TrainingOptions& options, Index batches_per_epoch) {
  return options.steps.value_or(options.epochs * batches_per_epoch);
}

Index total_steps(const TrainingOptions& options, const SampleOrder& order) {
  const Index wanted = total_steps(options, order.batches_per_epoch());
  return order.epochs() ? std::min(wanted, *order.epochs() * order.batches_per_epoch()) : wanted;
}

void check_warmup(const TrainingOptions& options, Index steps) {
  if (options.warmup_steps <= steps) return;
  throw AgreedError(ExitStatus::usage,
                    fmt::format("`warmup_steps` is {}, but the run has {} steps only", options.warmup_steps, steps));
}

Index workspace_capacity(const NetworkSpec& spec, Index largest_local_batch) {
  constexpr Index worthwhile = 256;
  const Index columns = std::ranges::max(spec.maps, {}, &MapShape::columns).columns;
  return std::max(largest_local_batch, (worthwhile + columns - 1) / columns);
}

TrainingResult train(const UpdateContext& context, UpdateRule& rule, Network& network, const TrainingData& data,
                     const TrainingOptions& options, double eta, TrainingObserver* observer,
                     const TrainingControl& control) {
  return Training({context, rule, network, data, options, eta, observer, control, total_steps(options, *data.order)})
      .run();
}

}  // namespace sibp
