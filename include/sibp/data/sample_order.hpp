#pragma once

#include "sibp/core/types.hpp"

#include <optional>
#include <vector>

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
  /// The samples of global batch `batch` that this rank holds, as places in Sharding::local_samples().
  [[nodiscard]] virtual std::vector<Index> local_batch(Index epoch, Index batch) = 0;
};

}  // namespace sibp
