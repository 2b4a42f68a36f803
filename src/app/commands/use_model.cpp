// The commands that use a trained model: evaluate and predict.
#include "sibp/app/commands/commands.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/core/file.hpp"
#include "sibp/data/dataset_kinds.hpp"
#include "sibp/device/shape_text.hpp"
#include "sibp/trainer/evaluation.hpp"
#include "sibp/trainer/model_file.hpp"
#include "sibp/trainer/trainer.hpp"

#include "app/run/file_of_model.hpp"
#include "app/run/session.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

/// A model on the device, and the split of the data that it is used on.
struct ModelInUse {
  Compute compute;
  std::unique_ptr<Network> network;
  DeviceNormalisation normalisation;
  LocalSplit split;
  std::vector<Index> indices;  ///< of the split's samples in the files
  Workspace workspace;
};

/// Fewer where a sample has many columns.
Index samples_at_a_time_of(const NetworkSpec& spec) {
  return std::ranges::any_of(spec.maps, [](const MapShape& map) { return map.columns > 1; }) ? 100 : 500;
}

std::vector<Index> indices_of(const Options& options, const Dataset& dataset) {
  if (options.split == Split::test) {
    std::vector<Index> all(static_cast<std::size_t>(dataset.test->size()));
    std::iota(all.begin(), all.end(), Index{0});
    return all;
  }
  HoldOut parts = hold_out(dataset.training->size(), options.validation, options.training.seed);
  return options.split == Split::train ? std::move(parts.training) : std::move(parts.validation);
}

/// A model is used on the data set it was trained on, unless another is chosen. Local.
void choose_dataset(Options& options, const Model& model) {
  std::string& chosen = options.data.dataset;
  if (chosen == model.dataset) return;
  if (!options.names_dataset) {
    chosen = model.dataset;
    const DatasetKind* kind = find_dataset_kind(chosen);
    if (kind != nullptr && kind->is_described)
      throw_usage_error(
          fmt::format("--dataset: found nothing, but {} was trained on data that options describe; give "
                      "--dataset {} and those of its training",
                      options.model.string(), chosen));
    spdlog::info("the data set is that of the model, {}", chosen);
    return;
  }
  spdlog::warn("{} was trained on {}, and is used on {}", options.model.string(), model.dataset, chosen);
}

ModelInUse open_model(Options& options, const Communicator& world) {
  // Rank 0 decides: a folder changes while a run goes on.
  options.model = world.broadcast(
      agreed(world, [&] { return world.is_root() ? file_of_model(options.model).string() : std::string(); }));
  spdlog::info("model {}", options.model.string());
  const Model model = agreed(world, [&] {
    Model read = read_model(options.model);
    if (world.is_root()) choose_dataset(options, read);
    return read;
  });
  options.data.dataset = world.broadcast(options.data.dataset);
  const Dataset dataset = open_data(options, world);
  std::vector<Index> indices = agreed(world, [&] {
    if (model.spec.inputs() != dataset.features() || model.spec.outputs() != dataset.classes)
      throw_model_error(fmt::format("{} takes {} inputs to {} classes, but {} has {} and {}; choose its --dataset ({})",
                                    options.model.string(), model.spec.inputs(), model.spec.outputs(), dataset.name,
                                    dataset.features(), dataset.classes, model.dataset));
    const TensorShape& shape = model.normalisation.shape;
    if (shape.pixels() > 1 && dataset.shape.pixels() > 1 && shape != dataset.shape)
      throw_model_error(
          fmt::format("{} takes pictures of {} (height x width x channels), but {} has pictures of {}; "
                      "choose its --dataset ({})",
                      options.model.string(), to_text(shape), dataset.name, to_text(dataset.shape), model.dataset));
    if (model.normalisation.type != dataset.type)
      throw_model_error(fmt::format(
          "{} takes features of {}, but {} has {}; convert them, or choose its --dataset ({})", options.model.string(),
          name_of(model.normalisation.type), dataset.name, name_of(dataset.type), model.dataset));
    if (!has_views(dataset.shape, options.views))
      throw_usage_error(
          fmt::format("--views: found {}, but samples of {} are {} (height x width x channels), expected "
                      "pictures; leave the option out",
                      name_of(options.views), dataset.name, to_text(dataset.shape)));
    return indices_of(options, dataset);
  });
  Compute compute = open_compute(options, world);
  Device& device = *compute.device;
  auto network = agreed(world, [&] {
    return std::make_unique<Network>(network_from_tensors(device, model.spec, model.file, options.model.string()));
  });
  for (Parameter& parameter : network->parameters) world.broadcast(parameter.matrix.view());
  const SampleSource& source = options.split == Split::test ? *dataset.test : *dataset.training;
  LocalSplit split = load_split(device, world, source, indices, options.training.logical_shards);
  Network& used = *network;
  return {std::move(compute),
          std::move(network),
          to_device(device, model.normalisation),
          std::move(split),
          std::move(indices),
          agreed(world, [&] {
            return Workspace(device, world, used, workspace_capacity(model.spec, samples_at_a_time_of(model.spec)));
          })};
}

/// The class and its probability of each of this rank's samples.
struct Predictions {
  std::vector<std::int32_t> labels;
  std::vector<std::int32_t> classes;
  std::vector<double> probabilities;
};

Predictions predict_local(ModelInUse& use) {
  Device& device = *use.compute.device;
  const Index outputs = use.network->spec.outputs();
  Predictions predictions;
  std::vector<Real> host;
  std::vector<std::int32_t> labels;
  for_each_chunk(device, use.split, use.normalisation, use.workspace, [&](Index, Index count) {
    const MatrixView f = use.workspace.outputs();
    device.softmax(f);
    host.resize(static_cast<std::size_t>(outputs * count));
    device.download(f, host);
    labels.resize(static_cast<std::size_t>(count));
    device.download_labels(use.workspace.labels(), labels);
    predictions.labels.insert(predictions.labels.end(), labels.begin(), labels.end());
    for (Index c = 0; c < count; ++c) {
      const auto column = host.begin() + c * outputs;
      const auto best = std::max_element(column, column + outputs);
      predictions.classes.push_back(static_cast<std::int32_t>(best - column));
      predictions.probabilities.push_back(static_cast<double>(*best));
    }
    return true;
  });
  return predictions;
}

/// All ranks' predictions in the order of the samples, one line each. Collective; the text is rank 0's, empty
/// elsewhere.
std::string all_predictions(const ModelInUse& use, const Predictions& local, const Communicator& world) {
  const auto n = static_cast<std::size_t>(use.split.global_size());
  std::vector<std::int32_t> labels(n, 0);
  std::vector<std::int32_t> classes(n, 0);
  std::vector<double> probabilities(n, 0);
  const std::vector<Index> mine = use.split.sharding.local_samples();
  for (std::size_t k = 0; k < mine.size(); ++k) {
    const auto sample = static_cast<std::size_t>(mine[k]);
    labels[sample] = local.labels[k];
    classes[sample] = local.classes[k];
    probabilities[sample] = local.probabilities[k];
  }
  // Every sample is one rank's: adding zeros of the others gathers them.
  world.all_reduce_sum(std::span(labels));
  world.all_reduce_sum(std::span(classes));
  world.all_reduce_sum(std::span(probabilities));
  if (!world.is_root()) return {};
  std::string text = "index,label,predicted,probability\n";
  for (std::size_t k = 0; k < n; ++k)
    text += fmt::format("{},{},{},{:.6f}\n", use.indices[k], labels[k], classes[k], probabilities[k]);
  return text;
}

}  // namespace

int run_evaluate(const Options& given, const Communicator& world) {
  Options options = given;
  ModelInUse use = open_model(options, world);
  const LossAndAccuracy result = *evaluate(*use.compute.device, world, use.split, use.normalisation, use.workspace);
  if (!std::isfinite(result.loss))
    throw AgreedError(
        ExitStatus::model,
        fmt::format("{}: its loss on these samples is not finite; the model is damaged", options.model.string()));
  std::string text = fmt::format("samples   {}\nloss      {:.6f}\naccuracy  {:.4f} %\n", use.split.global_size(),
                                 result.loss, 100 * result.accuracy);
  if (options.views != Views::none) {
    const double accuracy =
        accuracy_with_views(*use.compute.device, world, use.split, use.normalisation, use.workspace, options.views);
    text += fmt::format("accuracy with views  {:.4f} % ({})\n", 100 * accuracy, name_of(options.views));
  }
  print_on_root(world, text);
  return static_cast<int>(ExitStatus::done);
}

int run_predict(const Options& given, const Communicator& world) {
  Options options = given;
  ModelInUse use = open_model(options, world);
  const Predictions local = predict_local(use);
  agreed(world, [&] {
    for (const double probability : local.probabilities) {
      if (!std::isfinite(probability))
        throw_model_error(fmt::format("{}: its outputs are not finite; the model is damaged", options.model.string()));
    }
  });
  const std::string text = all_predictions(use, local, world);
  if (options.predictions.empty()) {
    print_on_root(world, text);
  } else {
    agreed(world, [&] {
      if (world.is_root()) write_file_whole(options.predictions, text);
    });
    spdlog::info("the predictions are in {}", options.predictions.string());
  }
  return static_cast<int>(ExitStatus::done);
}

}  // namespace sibp
