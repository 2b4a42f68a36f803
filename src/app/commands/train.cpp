#include "sibp/app/commands/commands.hpp"
#include "sibp/app/report/summary.hpp"
#include "sibp/app/run/run_folder.hpp"
#include "sibp/app/run/training.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/process.hpp"
#include "sibp/core/stop_request.hpp"
#include "sibp/trainer/model_file.hpp"
#include "sibp/trainer/schedule.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"

#include "app/report/description.hpp"
#include "app/run/memory_check.hpp"
#include "app/run/method_choice.hpp"
#include "app/run/rank_facts.hpp"
#include "app/run/run_output.hpp"
#include "app/run/session.hpp"
#include "app/run/trace_file.hpp"
#include "app/run/training_start.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

/// Sizes come from the batches as they will be dealt. Local.
BatchCapacity batch_capacity(const TrainingOptions& options, const TrainingData& data) {
  return {options.batch, data.order->largest_local_size()};
}

/// How matrices are summed, for config.ini, so that a repeated run does it in the same way; it goes to the log as well.
/// What has not been decided on, because there is nothing to sum, stays as it was given.
Sums recorded_sums(const Options& options, const Communicator& world) {
  if (world.size() > 1) {
    const std::string& decided = world.sums_in_words();
    spdlog::info("sums over ranks: {}; what goes through the library travels as {}",
                 decided.empty() ? "by the library's collectives" : decided, name_of(options.sums.wire));
  }
  return world.sums() == Sums::automatic ? options.sums.sums : world.sums();
}

void log_memory(const TrainingData& data, const Communicator& world) {
  const Index largest =
      world.max(data.training.samples->size() + data.validation.samples->size() + data.test.samples->size());
  spdlog::info(
      "{} training, {} validation and {} test samples; a rank keeps at most {} of them, {:.1f} MB",
      data.training.global_size(), data.validation.global_size(), data.test.global_size(), largest,
      static_cast<double>(largest * data.training.samples->features() * bytes_of(data.normalisation.type)) / 1e6);
}

/// The network, which the method has been found to be for.
NetworkSpec checked_network(const Options& options, const Dataset& dataset) {
  NetworkSpec spec = network_of(options, dataset);
  check_method(options, spec);
  return spec;
}

/// Asked on every rank for itself: a signal, or on rank 0 the time that --max-minutes leaves.
std::function<bool()> stop_question(const Options& options, const Communicator& world) {
  const double most = options.guard.max_minutes.value_or(0) * 60;
  const bool has_clock = world.is_root() && options.guard.max_minutes.has_value();
  return [=] { return stop_signal() != 0 || (has_clock && seconds_since_start() >= most); };
}

/// What comes out of a training: the network, and the averaged weights that it may exchange for its own.
struct Models {
  const Network& network;
  AveragedWeights* average;  ///< null: there are none
};

/// A training with everything it needs, from the data to the rule; made in this order by all ranks.
class Job {
 public:
  Job(Options options, const Communicator& world, std::optional<Dataset> dataset, Resumption from)
      : options_(std::move(options)),
        world_(world),
        from_(std::move(from)),
        dataset_(dataset             ? std::move(*dataset)
                 : options_.describe ? open_sizes(options_, world)
                                     : open_data(options_, world)),
        spec_(agreed(world, [&] { return checked_network(options_, dataset_); })),
        compute_(open_compute(options_, world)) {
    options_.training.eta = options_.training.eta.value_or(default_step_size(options_.training.method, spec_));
    settle_method();
    options_.may_convolve = has_convolutions(spec_);
    compare_ranks(options_.training.method, compute_, world_);
    if (!options_.describe) check_before_calibration();
    beat(Activity::calibration);
    const StepPlan plan = plan_of(options_, spec_, compute_, world);
    options_.training.method.forms = plan.forms;
    options_.training.method.places = plan.places;
  }

  int describe() const {
    print_on_root(world_, description_text(spec_, options_, world_.size(),
                                           dataset_.training->size() + dataset_.test->size(), dataset_.type));
    return static_cast<int>(ExitStatus::done);
  }

  /// `show` is called on every rank with the summary, which only rank 0 has, before the run counts as done.
  FinishedRun train(const std::function<void(const std::string&)>& show);

 private:
  /// Chooses what the user left open of the method.
  void settle_method();
  /// What would be found to be wrong after a calibration, which takes its time.
  void check_before_calibration() const;
  [[nodiscard]] std::string name() const { return fmt::format("{}-{}", dataset_.name, short_name(spec_)); }
  std::unique_ptr<BlockWriter> make_block_writer(const WeightSource& source, std::optional<RunOutput>& output) const;
  std::unique_ptr<Checkpointer> make_checkpointer(RunOutput& output, const WeightSource& source,
                                                  const BlockWriter* blocks, RunFacts facts) const;
  static void report_stop(const TrainingResult& result, RunOutput& output);
  void write_models(const Models& models, const TrainingData& data, std::optional<RunOutput>& output) const;
  [[nodiscard]] std::string summary(const TrainingResult& result, const TrainingData& data, RunOutput& output) const;

  Options options_;
  const Communicator& world_;
  Resumption from_;
  Dataset dataset_;
  NetworkSpec spec_;
  Compute compute_;
};

void Job::settle_method() {
  MethodOptions& method = options_.training.method;
  const Index samples = std::max<Index>(dataset_.training->size() - options_.validation, 1);
  if (!method.weight_decay)
    method.weight_decay = default_weight_decay(method, spec_, *options_.training.eta, options_.training.batch, samples);
  method = settled(method, spec_, options_.training.batch);
}

void Job::check_before_calibration() const {
  const auto order = order_of_training(world_, dataset_, options_.validation, options_.training);
  check_warmup(options_.training, total_steps(options_.training, *order));
  agreed(world_, [&] {
    if (from_.from_checkpoint) return;
    const auto file = weights_file(options_);
    if (file && world_.is_root() && options_.training.method.measures_forms)
      (void)read_weights(*compute_.device, spec_, *file);
  });
}

/// Nothing for weights that are small. All ranks write where all see the folder.
std::unique_ptr<BlockWriter> Job::make_block_writer(const WeightSource& source,
                                                    std::optional<RunOutput>& output) const {
  if (weights_bytes(source) < options_.guard.large_weights) return nullptr;
  const bool is_shared = is_shared_folder(world_, output ? output->folder().checkpoints() : std::filesystem::path());
  if (output)
    spdlog::info("checkpoints of {} MB are written by {}", weights_bytes(source) / 1000000,
                 is_shared ? "all ranks" : "rank 0, as not every rank sees the folder");
  return std::make_unique<BlockWriter>(world_, source, is_shared ? world_.size() : 1);
}

std::unique_ptr<Checkpointer> Job::make_checkpointer(RunOutput& output, const WeightSource& source,
                                                     const BlockWriter* blocks, RunFacts facts) const {
  facts.run = output.run();
  return std::make_unique<Checkpointer>(CheckpointSource{.weights = source,
                                                         .config = to_ini(options_),
                                                         .run = std::move(facts),
                                                         .metrics_bytes = [&output] { return output.flush_metrics(); },
                                                         .blocks = blocks},
                                        CheckpointFolder(output.folder().checkpoints()), options_.guard.keep,
                                        options_.guard.checkpoint_every.seconds,
                                        [&output](const std::filesystem::path& path, const Best& best) {
                                          output.status().set_best(best);
                                          output.status().checkpoint_written(path);
                                        });
}

FinishedRun Job::train(const std::function<void(const std::string&)>& show) {
  check_memory(options_.training, spec_, compute_);
  Device& device = *compute_.device;
  const TrainingData data =
      load_training_data(device, world_, dataset_, options_.normalisation, options_.validation, options_.training);
  log_memory(data, world_);
  const RunFacts facts = facts_of(options_, data, compute_, world_);
  check_same_data(from_, facts, data, world_);
  warn_of_changes(from_, facts, options_.reproducible);
  Network network = initial_network(options_, spec_, compute_, from_);

  PhaseClock clock;
  const UpdateContext context{device, compute_.communicator, clock};
  std::optional<AveragedWeights> average;
  const auto rule = agreed(world_, [&] {
    auto plain = make_update_rule(context, spec_, options_.training.method, batch_capacity(options_.training, data));
    if (options_.training.method.average == 0) return plain;
    average.emplace(device, network, options_.training.method.average);
    return with_average(std::move(plain), *average);
  });
  options_.sums.sums = recorded_sums(options_, compute_.communicator);
  TrainingControl control{.start = start_of(from_, context, *rule),
                          .check_every = options_.guard.check_every,
                          .keeps_checkpoints = true,
                          .checkpoint_every = options_.guard.checkpoint_every.steps,
                          .keep_best = options_.guard.keep_best,
                          .average = average ? &*average : nullptr,
                          .stop_requested = stop_question(options_, world_)};
  std::optional<RunOutput> output;
  agreed(world_, [&] {
    if (world_.is_root()) output.emplace(options_, name(), from_);
  });
  const WeightSource source{device, network, *rule, data.normalisation, dataset_.name};
  const auto blocks = make_block_writer(source, output);
  control.blocks = blocks.get();
  std::unique_ptr<Checkpointer> checkpointer;
  agreed(world_, [&] {
    if (!output) return;
    checkpointer = make_checkpointer(*output, source, blocks.get(), facts);
    control.checkpointer = checkpointer.get();
    from_.newest.reset();  // its tensors have done their service
  });
  const TraceFile trace(options_.trace, world_);
  const TrainingResult result = sibp::train(context, *rule, network, data, options_.training, *options_.training.eta,
                                            output ? &output->observers() : nullptr, control);
  trace.write();
  FinishedRun run;
  run.folder = world_.broadcast(output ? output->folder().path().string() : std::string());
  if (result.stopped) {
    run.status = ExitStatus::stopped;
    if (output) report_stop(result, *output);
    return run;
  }
  write_models({network, control.average}, data, output);
  if (output) run.summary = summary(result, data, *output);
  show(run.summary);
  if (output) {
    output->status().set_best(result.best);
    output->status().ended(ExitStatus::done, "done");
  }
  return run;
}

void Job::report_stop(const TrainingResult& result, RunOutput& output) {
  output.finish();
  const std::string reason = stop_signal() != 0 ? "on a signal" : "on request of another rank or by --max-minutes";
  const std::string message = fmt::format("stopped {} after step {} with a checkpoint; go on with --resume {}", reason,
                                          result.step, output.folder().path().string());
  spdlog::warn(message);
  output.status().ended(ExitStatus::stopped, message);
}

void Job::write_models(const Models& models, const TrainingData& data, std::optional<RunOutput>& output) const {
  agreed(world_, [&] {
    if (!output) return;
    output->finish();
    output->flush_metrics();
    const auto write = [&](const char* name) {
      output->folder().write(name, model_to_bytes(*compute_.device, models.network, data.normalisation, dataset_.name));
    };
    write(RunFolder::model_name);
    if (models.average == nullptr) return;
    models.average->exchange();
    write(RunFolder::averaged_model_name);
    models.average->exchange();
  });
}

std::string Job::summary(const TrainingResult& result, const TrainingData& data, RunOutput& output) const {
  return summary_text({.network = short_name(spec_),
                       .parameters = spec_.parameters(),
                       .dataset = dataset_.name,
                       .training_samples = data.training.global_size(),
                       .validation_samples = data.validation.global_size(),
                       .test_samples = data.test.global_size(),
                       .ranks = world_.size(),
                       .threads = compute_.threads.threads,
                       .final = result.last,
                       .best = result.best,
                       .mean_phases = output.mean_phases(),
                       .folder = output.folder().path()});
}

/// Sees early that there can be a folder for the results. Collective.
void check_folder(const Options& options, const Communicator& world, const Resumption& from) {
  agreed(world, [&] {
    if (world.is_root() && from.folder.empty()) RunFolder::check_claimable(options.out);
  });
}

}  // namespace

FinishedRun train_run(const Options& options, const Communicator& world, std::optional<Dataset> dataset,
                      Resumption from) {
  check_folder(options, world, from);
  return Job(options, world, std::move(dataset), std::move(from)).train([](const std::string&) {});
}

int run_train(const Options& options, const Communicator& world, Resumption from) {
  if (options.describe) return Job(options, world, std::nullopt, std::move(from)).describe();
  check_folder(options, world, from);
  return static_cast<int>(Job(options, world, std::nullopt, std::move(from))
                              .train([&](const std::string& summary) { print_on_root(world, summary); })
                              .status);
}

}  // namespace sibp
