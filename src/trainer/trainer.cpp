#include "sibp/trainer/trainer.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/process.hpp"
#include "sibp/trainer/batch_reader.hpp"
#include "sibp/trainer/evaluation.hpp"
#include "sibp/trainer/schedule.hpp"
#include "sibp/trainer/training_step.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sibp {
namespace {

/// What happened since the last record.
struct Interval {
  Index steps = 0;
  Index samples = 0;  ///< over all ranks
  LossSums sums;
};

class Training {
 public:
  Training(const UpdateContext& context, UpdateRule& rule, Network& network, const TrainingData& data,
           const TrainingOptions& options, double eta, TrainingObserver* observer)
      : context_(context),
        rule_(rule),
        network_(network),
        data_(data),
        options_(options),
        eta_(eta),
        observer_(observer),
        order_(*data.order),
        steps_(total_steps(options, order_)),
        normalisation_(to_device(context.device, data.normalisation)),
        workspace_(agreed(
            context.communicator,
            [&] { return Workspace(context.device, network.spec, workspace_capacity(order_.largest_local_size())); })),
        reader_(context.device, order_, *data.training.samples, normalisation_, workspace_.capacity()) {}

  MetricsRecord run() {
    const Index evaluate_every = options_.evaluate_every > 0 ? options_.evaluate_every : order_.batches_per_epoch();
    if (options_.warmup_steps > steps_) {
      throw AgreedError(ExitStatus::usage, fmt::format("--warmup-steps is {}, but the run has {} steps only",
                                                       options_.warmup_steps, steps_));
    }
    start_reading(0);
    start_interval();
    for (Index step = 0; step < steps_;) {
      take_step(step);
      ++step;
      if (step == steps_) break;
      const bool evaluating = step % evaluate_every == 0;
      if (evaluating || (options_.log_every > 0 && step % options_.log_every == 0)) report(step, evaluating);
    }
    MetricsRecord last = interval_record(steps_);
    last.is_final = true;
    last.train = evaluate_split(data_.training);
    add_training_sample(last);
    add_evaluations(last);
    last.peak_memory_bytes = context_.communicator.max(peak_memory_bytes());
    if (observer_ != nullptr) observer_->on_record(last);
    return last;
  }

 private:
  void take_step(Index step) {
    const Index epoch = step / order_.batches_per_epoch();
    const Index batch = step % order_.batches_per_epoch();
    {
      const PhaseClock::Scope timed(context_.clock, Phase::reading);
      reader_.take(workspace_);
      start_reading(step + 1);  // while this batch is trained on
    }
    last_eta_ = eta_at(options_, eta_, step, steps_);
    const Index samples = order_.global_size(batch);
    const LossSums sums = training_step(context_, rule_, network_, workspace_, samples, last_eta_,
                                        {.step = step + 1, .epoch = epoch + 1});
    ++interval_.steps;
    interval_.samples += samples;
    interval_.sums.loss += sums.loss;
    interval_.sums.correct += sums.correct;
    samples_done_ += samples;
    ++steps_done_;
    if (observer_ != nullptr)
      observer_->on_step(step + 1, steps_, sums.loss / static_cast<double>(samples), samples_done_);
  }

  void start_reading(Index step) {
    if (step < steps_) reader_.start(step / order_.batches_per_epoch(), step % order_.batches_per_epoch());
  }

  void report(Index step, bool evaluating) {
    MetricsRecord record = interval_record(step);
    add_training_sample(record);
    if (evaluating) add_evaluations(record);
    if (observer_ != nullptr) observer_->on_record(record);
    start_interval();
  }

  void start_interval() {
    interval_ = {};
    bytes_before_ = context_.communicator.bytes_reduced();
    hidden_before_ = context_.communicator.seconds_hidden();
    context_.clock.reset();
  }

  MetricsRecord interval_record(Index step) {
    const PhaseClock::Scope settled(context_.clock, Phase::other);  // brings the clock up to date
    const auto steps = static_cast<double>(std::max<Index>(interval_.steps, 1));
    const auto samples = static_cast<double>(std::max<Index>(interval_.samples, 1));
    const auto per_step = [&](Phase phase) { return context_.clock.seconds(phase) / steps; };
    const double seconds = context_.clock.total_seconds();
    seconds_total_ += seconds;
    const auto [lambda_min, lambda_max] = rule_.lambda_range();
    return {
        .step = step,
        .epoch = static_cast<double>(samples_done_) / static_cast<double>(data_.training.global_size()),
        .train = {interval_.sums.loss / samples, static_cast<double>(interval_.sums.correct) / samples},
        .validation = std::nullopt,
        .test = std::nullopt,
        .eta = last_eta_,
        .lambda_min = lambda_min,
        .lambda_max = lambda_max,
        .seconds_step = seconds / steps,
        .seconds = {per_step(Phase::forward), per_step(Phase::backward), per_step(Phase::solve),
                    per_step(Phase::communication), per_step(Phase::reading)},
        .seconds_total = seconds_total_,
        .seconds_hidden = (context_.communicator.seconds_hidden() - hidden_before_) / steps,
        .bytes_reduced = (context_.communicator.bytes_reduced() - bytes_before_) / std::max<Index>(interval_.steps, 1),
        .samples_per_second = seconds > 0 ? static_cast<double>(interval_.samples) / seconds : 0};
  }

  /// Throws AgreedError (diverged) on every rank, as all have the same sum: the last update may be the one that fails.
  LossAndAccuracy evaluate_split(const LocalSplit& split) {
    const LossAndAccuracy result =
        evaluate(context_.device, context_.communicator, network_, split, normalisation_, workspace_);
    if (!std::isfinite(result.loss))
      throw_diverged({.step = steps_done_, .epoch = 1 + (steps_done_ - 1) / order_.batches_per_epoch()});
    return result;
  }

  void add_training_sample(MetricsRecord& record) {
    if (data_.training_sample.global_size() > 0) record.training_sample = evaluate_split(data_.training_sample);
  }

  void add_evaluations(MetricsRecord& record) {
    if (data_.validation.global_size() > 0) record.validation = evaluate_split(data_.validation);
    record.test = evaluate_split(data_.test);
  }

  UpdateContext context_;
  UpdateRule& rule_;
  Network& network_;
  const TrainingData& data_;
  const TrainingOptions& options_;
  double eta_;
  TrainingObserver* observer_;
  SampleOrder& order_;
  Index steps_;
  DeviceNormalisation normalisation_;
  Workspace workspace_;
  BatchReader reader_;
  Interval interval_;
  Index samples_done_ = 0;
  Index steps_done_ = 0;
  double last_eta_ = 0;
  double seconds_total_ = 0;
  std::int64_t bytes_before_ = 0;
  double hidden_before_ = 0;
};

}  // namespace

Index total_steps(const TrainingOptions& options, Index batches_per_epoch) {
  return options.steps.value_or(options.epochs * batches_per_epoch);
}

Index total_steps(const TrainingOptions& options, const SampleOrder& order) {
  const Index wanted = total_steps(options, order.batches_per_epoch());
  return order.epochs() ? std::min(wanted, *order.epochs() * order.batches_per_epoch()) : wanted;
}

Index workspace_capacity(Index largest_local_batch) {
  constexpr Index worthwhile = 256;  // fewer columns than this leave the matrix products slow
  return std::max(largest_local_batch, worthwhile);
}

MetricsRecord train(const UpdateContext& context, UpdateRule& rule, Network& network, const TrainingData& data,
                    const TrainingOptions& options, double eta, TrainingObserver* observer) {
  return Training(context, rule, network, data, options, eta, observer).run();
}

}  // namespace sibp
