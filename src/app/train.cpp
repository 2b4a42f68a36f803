#include "sibp/app/commands.hpp"
#include "sibp/app/progress.hpp"
#include "sibp/app/run_folder.hpp"
#include "sibp/app/summary.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/trainer/model_file.hpp"
#include "sibp/trainer/schedule.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"

#include "app/session.hpp"

#include <optional>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

/// What only rank 0 has: the run folder, and those who watch the training.
class Watch {
 public:
  Watch(const Options& options, const std::string& name) : folder_(RunFolder::claim(options.out, name)) {
    folder_.write("config.ini", to_ini(options));
    spdlog::info("results go to {}", folder_.path().string());
    const auto mode = resolve_progress(options.progress, stderr_is_terminal(), options.has_launcher);
    progress_ = make_progress(mode, standard_progress_output());
  }

  TrainingObserver& observers() {
    return observers_.emplace(std::vector<TrainingObserver*>{&writer_, &phases_, progress_.get()});
  }
  [[nodiscard]] const RunFolder& folder() const { return folder_; }
  [[nodiscard]] PhaseSeconds mean_phases() const { return phases_.means(); }
  /// Ends the progress display.
  void finish() { progress_.reset(); }

 private:
  RunFolder folder_;
  MetricsWriter writer_{folder_};
  PhaseMeans phases_;
  std::unique_ptr<TrainingObserver> progress_;
  std::optional<Observers> observers_;
};

/// The start of the training: drawn on rank 0, or read there, and sent to all, so that replicas are equal bit for bit.
Network initial_network(const Options& options, const NetworkSpec& spec, Device& device, const Communicator& world) {
  const auto file = weights_file(options);
  Network network = agreed(world, [&] {
    if (file && world.is_root()) return read_weights(device, spec, *file);
    return make_network(device, spec, file ? Initialisation{} : initialisation_from_name(options.initialisation),
                        options.training.seed);
  });
  for (Matrix& weights : network.weights) world.broadcast(weights.view());
  return network;
}

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
  spdlog::info("{} training, {} validation and {} test samples; a rank keeps at most {} of them, {:.1f} MB",
               data.training.global_size(), data.validation.global_size(), data.test.global_size(), largest,
               static_cast<double>(largest * data.training.samples->features()) / 1e6);
}

}  // namespace

int run_train(const Options& given, const Communicator& world) {
  const Dataset dataset = open_data(given, world);
  const NetworkSpec spec = agreed(world, [&] { return network_of(given, dataset); });
  Options options = given;
  options.training.eta =
      given.training.eta.value_or(default_step_size(given.training.method, static_cast<Index>(spec.layers.size())));
  const Compute compute = open_compute(options, world);
  options.training.method.forms = forms_of(options, spec, compute, world);
  if (options.describe) {
    print_on_root(world, description_text(spec, options, options.training.method.forms, world.size(),
                                          dataset.training->size() + dataset.test->size()));
    return static_cast<int>(ExitStatus::done);
  }
  Device& device = *compute.device;
  const TrainingData data =
      load_training_data(device, world, dataset, options.normalisation, options.validation, options.training);
  log_memory(data, world);
  Network network = initial_network(options, spec, device, world);

  PhaseClock clock;
  const UpdateContext context{device, world, clock};
  const auto rule = agreed(world, [&] {
    return make_update_rule(context, spec, options.training.method, batch_capacity(options.training, data));
  });
  options.sums.sums = recorded_sums(options, world);
  std::optional<Watch> watch;
  agreed(world, [&] {
    if (world.is_root()) watch.emplace(options, fmt::format("{}-{}", dataset.name, short_name(spec)));
  });
  const MetricsRecord last = train(context, *rule, network, data, options.training, *options.training.eta,
                                   watch ? &watch->observers() : nullptr);
  agreed(world, [&] {
    if (!watch) return;
    watch->finish();
    watch->folder().write("model.safetensors", model_to_bytes(device, network, data.normalisation, dataset.name));
  });
  print_on_root(world, watch ? summary_text({.network = short_name(spec),
                                             .parameters = spec.parameters(),
                                             .dataset = dataset.name,
                                             .training_samples = data.training.global_size(),
                                             .validation_samples = data.validation.global_size(),
                                             .test_samples = data.test.global_size(),
                                             .ranks = world.size(),
                                             .threads = compute.threads.threads,
                                             .final = last,
                                             .mean_phases = watch->mean_phases(),
                                             .folder = watch->folder().path()})
                             : std::string());
  return static_cast<int>(ExitStatus::done);
}

}  // namespace sibp
