// What a training starts from, new or where a checkpoint was written.
#include "app/run/training_start.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/trainer/model_file.hpp"
#include "sibp/trainer/schedule.hpp"

#include "app/run/rank_facts.hpp"

#include <type_traits>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

/// Which of the data differ, for people; empty if none does.
std::string difference(const DataDigests& now, const DataDigests& then) {
  if (now.training != then.training) return "training samples or their labels";
  if (now.validation != then.validation) return "samples held out for validation or their labels";
  return now.test != then.test ? "test samples or their labels" : "";
}

}  // namespace

Network initial_network(const Options& options, const NetworkSpec& spec, const Compute& compute,
                        const Resumption& from) {
  Device& device = *compute.device;
  const Communicator& world = compute.communicator;
  const auto file = from.from_checkpoint ? std::nullopt : weights_file(options);
  Network network = agreed(world, [&] {
    if (from.newest)
      return network_from_tensors(device, spec, from.newest->checkpoint.tensors, from.newest->path.string());
    if (file && world.is_root()) return read_weights(device, spec, *file);
    const auto start = initialisation_from_text(options.initialisation).value_or(Initialisation{});
    return make_network(device, spec, start, options.training.seed);
  });
  for (Parameter& parameter : network.parameters) world.broadcast(parameter.matrix.view());
  return network;
}

RunFacts facts_of(const Options& options, const TrainingData& data, const Compute& compute, const Communicator& world) {
  return {.steps = total_steps(options.training, *data.order),
          .batches_per_epoch = data.order->batches_per_epoch(),
          .training_samples = data.training.global_size(),
          .ranks = world.size(),
          .data = data.digests(),
          .machine = {
              {"version", SIBP_VERSION}, {"processor", processor_name()}, {"device", compute.device->description()}}};
}

void check_same_data(const Resumption& from, const RunFacts& now, const TrainingData& data, const Communicator& world) {
  agreed(world, [&] {
    if (!from.newest) return;
    const std::string path = from.newest->path.string();
    const RunFacts& then = from.newest->checkpoint.run;
    if (now.training_samples != then.training_samples || now.batches_per_epoch != then.batches_per_epoch)
      throw_data_error(fmt::format(
          "--data-dir: found {} training samples in {} batches, but {} was written with {} in {}", now.training_samples,
          now.batches_per_epoch, path, then.training_samples, then.batches_per_epoch));
    if (is_planar(from.newest->checkpoint.tensors))
      throw_model_error(fmt::format(
          "--resume: {} has the inputs of CIFAR-10 in the order of its files, as checkpoints without 'shape' in their "
          "metadata have, expected channels running fastest; start a new run with --init {}/weights.safetensors, which "
          "reorders them, or go on with the version that wrote it",
          path, path));
    const std::string differs = then.data ? difference(*now.data, *then.data) : "";
    if (!differs.empty())
      throw_data_error(
          fmt::format("--data-dir: the {} are not those that {} was written with; name the folder that "
                      "the run began with, or start a new run",
                      differs, path));
    if (!then.data)
      spdlog::warn(
          "{} is of version 0.1, which noted no digest of its data: going on with other samples or labels would "
          "not be noticed",
          path);
    if (!has_normalisation(from.newest->checkpoint.tensors, data.normalisation))
      throw_data_error(
          fmt::format("--data-dir: the training samples are not those that {} was written with: their "
                      "normalisation is another",
                      path));
  });
}

void warn_of_changes(const Resumption& from, const RunFacts& now, bool reproducible) {
  const std::string changes = from.newest ? changes_since(from.newest->checkpoint.run, now, reproducible) : "";
  if (!changes.empty())
    spdlog::warn("going on with {}: the weights may differ in their last bits from those of a run that never stopped",
                 changes);
}

TrainingState start_of(const Resumption& from, const UpdateContext& context, UpdateRule& rule) {
  if (!from.from_checkpoint) return {};
  const Checkpoint* checkpoint = from.newest ? &from.newest->checkpoint : nullptr;
  restore_method(context, rule, checkpoint);
  TrainingState state = checkpoint != nullptr ? checkpoint->state : TrainingState{};
  static_assert(std::is_trivially_copyable_v<TrainingState>);
  context.communicator.broadcast(std::span(reinterpret_cast<char*>(&state), sizeof state));
  return state;
}

}  // namespace sibp
