#include "sibp/trainer/local_data.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/data/batch_list.hpp"

#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

Samples read_share(const Communicator& communicator, const SampleSource& source, std::span<const Index> chosen,
                   const Sharding& sharding) {
  beat(Activity::data);
  Samples samples = agreed(communicator, [&] {
    std::vector<Index> indices = sharding.local_samples();
    for (Index& index : indices) index = chosen[static_cast<std::size_t>(index)];
    return source.read(indices);
  });
  beat(Activity::start);
  return samples;
}

Sharding deal(const Communicator& communicator, std::span<const Index> chosen, Index logical_shards) {
  return {static_cast<Index>(chosen.size()), logical_shards, communicator.rank(), communicator.size()};
}

/// As many of `indices` as `count`, drawn by the seed. Throws Error (usage) if there are not so many.
std::vector<Index> drawn(const std::vector<Index>& indices, Index count, std::uint64_t seed) {
  const auto available = static_cast<Index>(indices.size());
  if (count > available) {
    throw_usage_error(fmt::format("`training_sample` is {}, but there are {} training samples", count, available));
  }
  if (count == available) return indices;
  std::vector<Index> sample = hold_out(available, count, seed).validation;
  for (Index& index : sample) index = indices[static_cast<std::size_t>(index)];
  return sample;
}

std::uint64_t digest_of_all(const Communicator& communicator, const Samples& share, const Sharding& sharding) {
  return communicator.sum(digest_of(share, sharding.local_samples()));
}

/// The sums over the samples of all ranks.
PixelSums sums_of_all(const Communicator& communicator, const Samples& share, NormalisationKind kind) {
  std::vector<std::int32_t> exponents = exponents_of(share, kind);
  communicator.all_reduce_max(std::span(exponents));
  PixelSums sums = pixel_sums(share, std::move(exponents));
  communicator.all_reduce_sum(std::span(sums.sum));
  communicator.all_reduce_sum(std::span(sums.sum_of_squares));
  communicator.all_reduce_sum(std::span(sums.upper_squares));
  sums.samples = communicator.sum(sums.samples);
  return sums;
}

/// How the samples for training are dealt, before any is read.
struct DealtTraining {
  HoldOut parts;
  std::vector<Index> training_sample;
  Sharding sharding;
  std::unique_ptr<SampleOrder> order;
};

DealtTraining deal_training(const Communicator& communicator, const Dataset& dataset, Index validation,
                            const TrainingOptions& options) {
  DealtTraining dealt;
  agreed(communicator, [&] {
    check_augmentation(options.augmentation, dataset.shape);
    dealt.parts = hold_out(dataset.training->size(), validation, options.seed);
    const std::vector<Index>& training = dealt.parts.training;
    dealt.training_sample = drawn(training, options.training_sample, options.seed);
    dealt.sharding = deal(communicator, training, options.logical_shards);
    check_sharding(dealt.sharding);
    if (options.batch_list.empty()) {
      dealt.order = std::make_unique<BatchOrder>(dealt.sharding, options.batch, options.seed);
    } else {
      dealt.order = std::make_unique<BatchList>(options.batch_list, options.batch, dealt.sharding, training,
                                                dataset.training->size());
    }
  });
  return dealt;
}

}  // namespace

DeviceNormalisation to_device(Device& device, const Normalisation& normalisation) {
  const auto features = static_cast<Index>(normalisation.shift.size());
  DeviceNormalisation on_device{device.allocate(features, 1), device.allocate(features, 1)};
  device.upload(normalisation.shift, on_device.shift.view());
  device.upload(normalisation.scale, on_device.scale.view());
  return on_device;
}

std::unique_ptr<SampleOrder> order_of_training(const Communicator& communicator, const Dataset& dataset,
                                               Index validation, const TrainingOptions& options) {
  return deal_training(communicator, dataset, validation, options).order;
}

LocalSplit load_split(Device& device, const Communicator& communicator, const SampleSource& source,
                      std::span<const Index> chosen, Index logical_shards) {
  const Sharding sharding = deal(communicator, chosen, logical_shards);
  agreed(communicator, [&] { check_sharding(sharding); });
  Samples samples = read_share(communicator, source, chosen, sharding);
  const std::uint64_t digest = digest_of_all(communicator, samples, sharding);
  return {sharding, device.store(std::move(samples)), digest};
}

TrainingData load_training_data(Device& device, const Communicator& communicator, const Dataset& dataset,
                                NormalisationKind kind, Index validation, const TrainingOptions& options) {
  TrainingData data;
  const Index logical_shards = options.logical_shards;
  auto [parts, training_sample, sharding, order] = deal_training(communicator, dataset, validation, options);
  data.order = std::move(order);
  Samples training = read_share(communicator, *dataset.training, parts.training, sharding);
  data.normalisation = make_normalisation(kind, sums_of_all(communicator, training, kind));
  const std::uint64_t digest = digest_of_all(communicator, training, sharding);
  data.training = {sharding, device.store(std::move(training)), digest};
  data.training_sample = load_split(device, communicator, *dataset.training, training_sample, logical_shards);
  data.validation = load_split(device, communicator, *dataset.training, parts.validation, logical_shards);
  std::vector<Index> whole(static_cast<std::size_t>(dataset.test->size()));
  std::iota(whole.begin(), whole.end(), Index{0});
  data.test = load_split(device, communicator, *dataset.test, whole, logical_shards);
  return data;
}

}  // namespace sibp
