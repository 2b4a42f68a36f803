#pragma once

#include "sibp/core/types.hpp"

#include <optional>
#include <span>

namespace sibp {

/// In which order the samples of the training set are used: which samples form global batch s of an epoch never depends
/// on the number of ranks. All functions are Local.
class SampleOrder {
 public:
  SampleOrder() = default;
  SampleOrder(const SampleOrder&) = delete;
  SampleOrder& operator=(const SampleOrder&) = delete;
  virtual ~SampleOrder() = default;

  /// Epochs that there are; nothing: as many as are asked for.
  [[nodiscard]] virtual std::optional<Index> epochs() const = 0;
  [[nodiscard]] virtual Index batches_per_epoch() const = 0;
  /// Samples of global batch `batch` over all ranks.
  [[nodiscard]] virtual Index global_size(Index batch) const = 0;
  /// The largest number of samples this rank has in any batch.
  [[nodiscard]] virtual Index largest_local_size() const = 0;
  /// The samples of global batch `batch` that this rank holds, as places in Sharding::local_samples(). They stay until
  /// one of the three functions is asked for another batch.
  [[nodiscard]] virtual std::span<const Index> local_batch(Index epoch, Index batch) = 0;
  /// The places of the same samples in the global batch, ascending, below global_size(batch): what is chosen by them is
  /// chosen alike on any number of ranks.
  [[nodiscard]] virtual std::span<const Index> local_positions(Index epoch, Index batch) = 0;
  /// The numbers of the same samples in the whole split: what is drawn by (seed, epoch, number) is drawn alike on any
  /// number of ranks, and after a restart.
  [[nodiscard]] virtual std::span<const Index> local_numbers(Index epoch, Index batch) = 0;
};

}  // namespace sibp
