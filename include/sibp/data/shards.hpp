#pragma once

#include "sibp/core/types.hpp"

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

/// The samples of the files that are left for training, and those held out for validation, both ascending.
struct HoldOut {
  std::vector<Index> training;
  std::vector<Index> validation;
};

/// Holds out `validation` of `samples` samples by a seeded choice that depends on nothing else.
/// Throws Error (usage) naming --validation unless 0 ≤ validation < samples.
HoldOut hold_out(Index samples, Index validation, std::uint64_t seed);

/// The order in which samples are used: which samples form global batch s of an epoch depends on (seed, epoch, V, M)
/// only, never on the number of ranks.
///
/// Each epoch each shard permutes its own samples by a stream of (seed, epoch, shard); position k of the epoch is the
/// (k div V)-th sample of shard k mod V's permutation; global batch s is positions [sM, (s+1)M), the last one shorter.
class BatchOrder {
 public:
  /// Throws Error (usage) naming the option if P > V, M < 1 or M > n.
  BatchOrder(const Sharding& sharding, Index global_batch, std::uint64_t seed);

  [[nodiscard]] Index batches_per_epoch() const;
  /// Samples of global batch `batch` over all ranks: M, or fewer in the last one.
  [[nodiscard]] Index global_size(Index batch) const;
  /// The largest number of samples this rank has in any batch.
  [[nodiscard]] Index largest_local_size() const;

  /// The samples of global batch `batch` that this rank holds, in the epoch's order, as places in
  /// Sharding::local_samples(). Permutes the shards anew when the epoch changes. Local.
  [[nodiscard]] std::vector<Index> local_batch(Index epoch, Index batch);

 private:
  void permute(Index epoch);

  Sharding sharding_;
  Index global_batch_;
  std::uint64_t seed_;
  Index permuted_epoch_ = -1;
  std::vector<std::vector<Index>> permutations_;  ///< by local shard: places in local_samples()
};

}  // namespace sibp
