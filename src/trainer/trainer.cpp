#include "sibp/trainer/trainer.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/process.hpp"
#include "sibp/trainer/batch_reader.hpp"
#include "sibp/trainer/evaluation.hpp"
#include "sibp/trainer/replica_check.hpp"
#include "sibp/trainer/schedule.hpp"
#include "sibp/trainer/training_step.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sibp {
namespace {

class Training {
 public:
  Training(const UpdateContext& context, UpdateRule& rule, Network& network, const TrainingData& data,
           const TrainingOptions& options, double eta, TrainingObserver* observer, const TrainingControl& control)
      : context_(context),
        rule_(rule),
        network_(network),
        data_(data),
        options_(options),
        eta_(eta),
        observer_(observer),
        control_(control),
        order_(*data.order),
        steps_(total_steps(options, order_)),
        state_(control.start),
        normalisation_(to_device(context.device, data.normalisation)),
        workspace_(agreed(context.communicator,
                          [&] {
                            return Workspace(context.device, context.communicator, network,
                                             workspace_capacity(network.spec, order_.largest_local_size()));
                          })),
        reader_(context.device, order_, *data.training.samples, normalisation_, workspace_.capacity(),
                Augmenter(options.augmentation, data.training.samples->shape(), options.seed), options.seed) {}

  TrainingResult run() {
    check_length();
    if (state_.best.measure != control_.keep_best) state_.best = {};
    start_reading();
    start_counting();
    while (true) {
      if (record_is_due() && !make_record()) return stop();
      if (checkpoint_is_due()) save_checkpoint();
      if (state_.step == steps_) break;
      if (take_step()) return stop();
    }
    return finish();
  }

 private:
  void check_length() const {
    check_warmup(options_, steps_);
    if (state_.step > steps_)
      throw AgreedError(ExitStatus::usage,
                        fmt::format("`steps` or `epochs`: found {} steps, but the checkpoint is that "
                                    "of step {}; expected at least as many",
                                    steps_, state_.step));
  }

  /// Returns true if the training is to stop here.
  bool take_step() {
    const Index batch = state_.step % order_.batches_per_epoch();
    const double eta = eta_at(options_, eta_, state_.step, steps_);
    const Index samples = order_.global_size(batch);
    {
      const PhaseClock::Scope timed(context_.clock, Phase::reading);
      reader_.take(workspace_.inputs());
    }
    ++state_.step;
    start_reading();  // while this batch is trained on
    const StepResult result = training_step(
        context_, rule_, workspace_, {samples, eta, eta / eta_}, place(), [this] { return requests(); },
        options_.label_smoothing);
    state_.samples += samples;
    ++state_.interval.steps;
    state_.interval.samples += samples;
    state_.interval.sums.loss += result.sums.loss;
    const bool has_diverged = state_.divergence.add(result.sums.loss / static_cast<double>(samples));
    state_.interval.sums.correct += result.sums.correct;
    state_.interval.eta = eta;
    state_.interval.lambda = rule_.lambda_range();
    if (observer_ != nullptr)
      observer_->on_step(state_.step, steps_, result.sums.loss / static_cast<double>(samples), state_.samples);
    if (has_diverged)
      throw_far_off(place(), result.sums.loss / static_cast<double>(samples), state_.divergence.limit());
    if (result.requests.complete) complete_checkpoint();
    if (result.requests.end) agree_on(context_.communicator, checkpoint_failure());
    if (control_.check_every > 0 && state_.step % control_.check_every == 0) check_weights();
    checkpoint_requested_ = result.requests.checkpoint;
    return result.requests.stop;
  }

  /// The step that was done last, or is being done.
  [[nodiscard]] StepPlace place() const {
    return {.step = state_.step, .epoch = 1 + (state_.step - 1) / order_.batches_per_epoch()};
  }

  [[nodiscard]] bool stop_requested() const { return control_.stop_requested && control_.stop_requested(); }

  /// What this rank requests.
  [[nodiscard]] StepRequests requests() const {
    return {.stop = stop_requested(),
            .checkpoint = control_.checkpointer != nullptr && control_.checkpointer->due(),
            .end = checkpoint_failure().has_value(),
            .complete = control_.blocks != nullptr && control_.blocks->is_done()};
  }

  [[nodiscard]] std::optional<Failure> checkpoint_failure() const {
    return control_.checkpointer != nullptr ? control_.checkpointer->failure() : std::nullopt;
  }

  void start_reading() {
    const Index batches = order_.batches_per_epoch();
    if (state_.step < steps_) reader_.start(state_.step / batches, state_.step % batches);
  }

  [[nodiscard]] bool evaluation_is_due() const {
    const Index every = options_.evaluate_every > 0 ? options_.evaluate_every : order_.batches_per_epoch();
    return state_.step % every == 0;
  }

  /// Also just after a start from a checkpoint of a step whose record was not made.
  [[nodiscard]] bool record_is_due() const {
    if (state_.interval.steps == 0 || state_.step == steps_) return false;
    return evaluation_is_due() || (options_.log_every > 0 && state_.step % options_.log_every == 0);
  }

  /// False if a stop was requested meanwhile: then there is no record.
  bool make_record() {
    settle();
    MetricsRecord record = record_of(state_, data_.training.global_size());
    if (!add_training_sample(record) || (evaluation_is_due() && !add_evaluations(record))) {
      start_counting();
      return false;
    }
    publish(record);
    return true;
  }

  void publish(const MetricsRecord& record) {
    if (observer_ != nullptr) observer_->on_record(record);
    state_.seconds = record.seconds_total;
    state_.interval = {};
    start_counting();
  }

  /// Brings the interval's times and bytes up to date.
  void settle() {
    { const PhaseClock::Scope settled(context_.clock, Phase::other); }
    Interval& interval = state_.interval;
    for (std::size_t phase = 0; phase < PhaseClock::phases; ++phase)
      interval.seconds.at(phase) += context_.clock.seconds(static_cast<Phase>(phase));
    interval.bytes_reduced += context_.communicator.bytes_reduced() - bytes_before_;
    interval.seconds_hidden += context_.communicator.seconds_hidden() - hidden_before_;
    start_counting();
  }

  /// Leaves out of the interval what was done since it was settled.
  void start_counting() {
    bytes_before_ = context_.communicator.bytes_reduced();
    hidden_before_ = context_.communicator.seconds_hidden();
    context_.clock.reset();
  }

  /// Nothing on every rank if a stop was requested on any. Throws AgreedError (diverged) on every rank, as all have the
  /// same sum: the last update may be the one that fails.
  std::optional<LossAndAccuracy> evaluate_split(const LocalSplit& split, bool must_be_finite = true) {
    beat(Activity::evaluation, state_.step);
    const auto result =
        evaluate(context_.device, context_.communicator, split, normalisation_, workspace_, control_.stop_requested);
    if (must_be_finite && result && !std::isfinite(result->loss)) throw_diverged(place());
    return result;
  }

  /// False if a stop was requested meanwhile.
  bool add_training_sample(MetricsRecord& record) {
    if (data_.training_sample.global_size() == 0) return true;
    record.training_sample = evaluate_split(data_.training_sample);
    return record.training_sample.has_value();
  }

  /// False if a stop was requested meanwhile.
  bool add_evaluations(MetricsRecord& record) {
    if (!evaluate_held_out(record.validation, record.test, true)) return false;
    if (control_.average != nullptr) {
      control_.average->exchange();
      const bool is_done = evaluate_held_out(record.validation_average, record.test_average, false);
      control_.average->exchange();
      if (!is_done) return false;
    }
    note_best(record);
    return true;
  }

  /// With the weights that the network has now; false as above.
  bool evaluate_held_out(std::optional<LossAndAccuracy>& validation, std::optional<LossAndAccuracy>& test,
                         bool must_be_finite) {
    if (data_.validation.global_size() > 0) {
      validation = evaluate_split(data_.validation, must_be_finite);
      if (!validation) return false;
    }
    test = evaluate_split(data_.test, must_be_finite);
    return test.has_value();
  }

  /// The weights that are the best so far get a checkpoint at once.
  void note_best(const MetricsRecord& record) {
    if (control_.keep_best == Measure::none || !record.validation) return;
    if (improve(state_.best, control_.keep_best, state_.step, *record.validation)) checkpoint_requested_ = true;
  }

  void check_weights() const {
    Replicas weights;
    for (const Parameter& parameter : network_.parameters) weights.emplace(parameter.name(), parameter.matrix.view());
    check_replicas(context_.device, context_.communicator, weights, state_.step);
  }

  void check_method() const {
    Replicas replicas;
    for (const auto& [name, matrix] : rule_.state().matrices) replicas.emplace("method's " + name, matrix);
    check_replicas(context_.device, context_.communicator, replicas, state_.step);
  }

  [[nodiscard]] bool checkpoint_is_due() const {
    if (!control_.keeps_checkpoints || state_.step == saved_step_) return false;
    const Index every = control_.checkpoint_every;
    return checkpoint_requested_ || state_.step == steps_ ||
           (every > 0 && state_.step > control_.start.step && state_.step % every == 0);
  }

  /// No checkpoint holds weights that other ranks do not have.
  void save_checkpoint() {
    settle();
    check_weights();
    rule_.gather_state();
    check_method();
    complete_checkpoint();
    agreed(context_.communicator, [&] {
      if (control_.checkpointer != nullptr) control_.checkpointer->save(state_);
    });
    if (control_.blocks != nullptr)
      control_.blocks->start(
          control_.checkpointer != nullptr ? control_.checkpointer->file_of_blocks() : std::filesystem::path(),
          state_.step);
    start_counting();
    saved_step_ = state_.step;
    checkpoint_requested_ = false;
  }

  /// Waits for the blocks of the checkpoint that is under way, if there are any.
  void complete_checkpoint() {
    if (control_.blocks == nullptr || !control_.blocks->under_way()) return;
    const WrittenBlocks written = control_.blocks->collect();
    if (control_.checkpointer != nullptr) control_.checkpointer->complete(written);
  }

  void finish_checkpoints() {
    beat(Activity::checkpoint, state_.step);
    complete_checkpoint();
    agreed(context_.communicator, [&] {
      if (control_.checkpointer != nullptr) control_.checkpointer->finish(state_.best.step);
    });
  }

  TrainingResult stop() {
    if (control_.keeps_checkpoints && state_.step != saved_step_) save_checkpoint();
    finish_checkpoints();
    return {.stopped = true, .step = state_.step};
  }

  TrainingResult finish() {
    settle();
    MetricsRecord last = record_of(state_, data_.training.global_size());
    last.is_final = true;
    const auto train = evaluate_split(data_.training);
    if (!train || !add_training_sample(last) || !add_evaluations(last)) return stop();
    last.train = *train;
    if (state_.divergence.is_beyond(train->loss)) throw_far_off(place(), train->loss, state_.divergence.limit());
    last.peak_memory_bytes = context_.communicator.max(peak_memory_bytes());
    if (observer_ != nullptr) observer_->on_record(last);
    finish_checkpoints();
    return {.stopped = false, .step = state_.step, .last = last, .best = state_.best};
  }

  UpdateContext context_;
  UpdateRule& rule_;
  Network& network_;
  const TrainingData& data_;
  const TrainingOptions& options_;
  double eta_;
  TrainingObserver* observer_;
  const TrainingControl& control_;
  SampleOrder& order_;
  Index steps_;
  TrainingState state_;
  DeviceNormalisation normalisation_;
  Workspace workspace_;
  BatchReader reader_;
  std::int64_t bytes_before_ = 0;
  double hidden_before_ = 0;
  bool checkpoint_requested_ = false;
  Index saved_step_ = -1;
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
  return Training(context, rule, network, data, options, eta, observer, control).run();
}

}  // namespace sibp
