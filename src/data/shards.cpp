#include "sibp/data/shards.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/random.hpp"

#include "data/shuffle.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace sibp {
namespace {

/// Shards of rank p among the first `shards`: p, p + P, p + 2P, …
Index local_shards_below(const Sharding& sharding, Index shards) {
  return shards <= sharding.rank ? 0 : (shards - sharding.rank - 1) / sharding.ranks + 1;
}

/// Positions before `end` of an epoch's order whose shard is local.
Index local_positions_below(const Sharding& sharding, Index end) {
  const Index v = sharding.logical_shards;
  return end / v * local_shards_below(sharding, v) + local_shards_below(sharding, end % v);
}

void check_batch(const Sharding& sharding, Index global_batch) {
  if (global_batch < 1 || global_batch > sharding.samples) {
    throw_usage_error(
        fmt::format("`batch` is {}, expected 1 to the {} training samples", global_batch, sharding.samples));
  }
}

}  // namespace

void check_sharding(const Sharding& sharding) {
  const Index v = sharding.logical_shards;
  if (v < 1) throw_usage_error(fmt::format("`logical_shards` is {}, expected at least 1", v));
  require(sharding.ranks >= 1 && sharding.rank >= 0 && sharding.rank < sharding.ranks,
          "rank is not below the number of ranks");
  if (sharding.ranks > v) {
    throw_usage_error(
        fmt::format("{} ranks cannot share {} logical shards; start at most {} ranks, or set "
                    "`logical_shards` to {} or more (which changes the batches)",
                    sharding.ranks, v, v, sharding.ranks));
  }
}

std::vector<Index> Sharding::local_samples() const {
  std::vector<Index> local;
  local.reserve(static_cast<std::size_t>(local_positions_below(*this, samples)));
  for (Index j = 0; j < samples; ++j) {
    if (is_local(j % logical_shards)) local.push_back(j);
  }
  return local;
}

HoldOut hold_out(Index samples, Index validation, std::uint64_t seed) {
  if (validation < 0 || validation >= samples) {
    throw_usage_error(fmt::format("`validation` is {}, expected 0 or more and less than the {} training samples",
                                  validation, samples));
  }
  std::vector<Index> order(static_cast<std::size_t>(samples));
  std::iota(order.begin(), order.end(), Index(0));
  auto random = random_stream(seed, Stream::validation);
  shuffle_first(order, validation, random);
  HoldOut split;
  split.validation.assign(order.begin(), order.begin() + validation);
  split.training.assign(order.begin() + validation, order.end());
  std::sort(split.validation.begin(), split.validation.end());
  std::sort(split.training.begin(), split.training.end());
  return split;
}

BatchOrder::BatchOrder(const Sharding& sharding, Index global_batch, std::uint64_t seed)
    : sharding_(sharding), global_batch_(global_batch), seed_(seed) {
  check_sharding(sharding);
  check_batch(sharding, global_batch);
  local_samples_ = sharding.local_samples();
  const Index shards = local_shards_below(sharding, sharding.logical_shards);
  permutations_.resize(static_cast<std::size_t>(shards));
}

Index BatchOrder::batches_per_epoch() const {
  return (sharding_.samples - 1) / global_batch_ + 1;
}

Index BatchOrder::global_size(Index batch) const {
  require(batch >= 0 && batch < batches_per_epoch(), "batch is beyond the epoch");
  return std::min(global_batch_, sharding_.samples - batch * global_batch_);
}

Index BatchOrder::largest_local_size() const {
  Index largest = 0;
  for (Index batch = 0; batch < batches_per_epoch(); ++batch) {
    const Index first = batch * global_batch_;
    const Index end = first + global_size(batch);
    largest = std::max(largest, local_positions_below(sharding_, end) - local_positions_below(sharding_, first));
  }
  return largest;
}

std::span<const Index> BatchOrder::local_batch(Index epoch, Index batch) {
  deal(epoch, batch);
  return places_;
}

std::span<const Index> BatchOrder::local_positions(Index epoch, Index batch) {
  deal(epoch, batch);
  return positions_;
}

std::span<const Index> BatchOrder::local_numbers(Index epoch, Index batch) {
  deal(epoch, batch);
  return numbers_;
}

void BatchOrder::deal(Index epoch, Index batch) {
  require(epoch >= 0, "epochs count from 0");
  if (epoch == permuted_epoch_ && batch == dealt_batch_) return;
  if (epoch != permuted_epoch_) permute(epoch);
  const Index first = batch * global_batch_;
  const Index end = first + global_size(batch);
  places_.clear();
  positions_.clear();
  numbers_.clear();
  for (Index k = first; k < end; ++k) {
    const Index shard = k % sharding_.logical_shards;
    if (!sharding_.is_local(shard)) continue;
    const auto& permutation = permutations_[static_cast<std::size_t>(shard / sharding_.ranks)];
    places_.push_back(permutation[static_cast<std::size_t>(k / sharding_.logical_shards)]);
    positions_.push_back(k - first);
    numbers_.push_back(local_samples_[static_cast<std::size_t>(places_.back())]);
  }
  dealt_batch_ = batch;
}

void BatchOrder::permute(Index epoch) {
  const auto shards = static_cast<Index>(permutations_.size());
  for (Index i = 0; i < shards; ++i) {
    const Index shard = sharding_.rank + i * sharding_.ranks;
    auto& places = permutations_[static_cast<std::size_t>(i)];
    places.resize(static_cast<std::size_t>(sharding_.shard_size(shard)));
    // Local samples ascend: the k-th of this shard comes after k from every local shard.
    for (std::size_t k = 0; k < places.size(); ++k) places[k] = static_cast<Index>(k) * shards + i;
    auto random =
        random_stream(seed_, Stream::batches, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(shard));
    shuffle_first(places, static_cast<Index>(places.size()), random);
  }
  permuted_epoch_ = epoch;
  dealt_batch_ = -1;
}

}  // namespace sibp
