#pragma once

#include "sibp/data/sample_order.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace sibp {

/// How samples are dealt to logical shards and ranks: sample j → shard j mod V, shard v → rank v mod P.
struct Sharding {
  Index samples = 0;         ///< n
  Index logical_shards = 1;  ///< V
  int rank = 0;              ///< p
  int ranks = 1;             ///< P, at most V

  /// Samples of shard v: one more exactly when v < n mod V.
  [[nodiscard]] Index shard_size(Index shard) const {
    return samples / logical_shards + (shard < samples % logical_shards ? 1 : 0);
  }
  [[nodiscard]] bool is_local(Index shard) const { return shard % ranks == rank; }
  /// The samples of this rank's shards, ascending. A rank keeps them in this order.
  [[nodiscard]] std::vector<Index> local_samples() const;
};

/// Throws Error (usage) naming the option unless 1 ≤ P ≤ V.
void check_sharding(const Sharding& sharding);

/// The samples of the files that are left for training, and those held out for validation, both ascending.
struct HoldOut {
  std::vector<Index> training;
  std::vector<Index> validation;
};

/// Holds out `validation` of `samples` samples by a seeded choice that depends on nothing else.
/// Throws Error (usage) naming `validation` unless 0 ≤ validation < samples.
HoldOut hold_out(Index samples, Index validation, std::uint64_t seed);

/// The order of a seed: which samples form global batch s of an epoch depends on (seed, epoch, V, M) only.
///
/// Each epoch each shard permutes its own samples by a stream of (seed, epoch, shard); position k of the epoch is the
/// (k div V)-th sample of shard k mod V's permutation; global batch s is positions [sM, (s+1)M), the last one shorter.
class BatchOrder final : public SampleOrder {
 public:
  /// Throws Error (usage) naming the option if P > V, M < 1 or M > n.
  BatchOrder(const Sharding& sharding, Index global_batch, std::uint64_t seed);

  [[nodiscard]] std::optional<Index> epochs() const override { return std::nullopt; }
  [[nodiscard]] Index batches_per_epoch() const override;
  /// M, or fewer in the last batch.
  [[nodiscard]] Index global_size(Index batch) const override;
  [[nodiscard]] Index largest_local_size() const override;
  /// In the epoch's order. Permutes the shards anew when the epoch changes.
  [[nodiscard]] std::span<const Index> local_batch(Index epoch, Index batch) override;
  [[nodiscard]] std::span<const Index> local_positions(Index epoch, Index batch) override;
  [[nodiscard]] std::span<const Index> local_numbers(Index epoch, Index batch) override;

 private:
  void permute(Index epoch);
  void deal(Index epoch, Index batch);

  Sharding sharding_;
  Index global_batch_;
  std::uint64_t seed_;
  std::vector<Index> local_samples_;
  Index permuted_epoch_ = -1;
  std::vector<std::vector<Index>> permutations_;  ///< by local shard: places in local_samples()
  Index dealt_batch_ = -1;                        ///< of permuted_epoch_
  std::vector<Index> places_;                     ///< of the dealt batch, as the next two
  std::vector<Index> positions_;
  std::vector<Index> numbers_;
};

}  // namespace sibp
