#pragma once

#include "sibp/data/sample_order.hpp"
#include "sibp/data/shards.hpp"

#include <filesystem>
#include <span>

namespace sibp {

/// An order that was written down: a file of little-endian int32, one row of 0-based sample indices a step. It is one
/// epoch, a batch a row. A row may name a sample more than once.
class BatchList final : public SampleOrder {
 public:
  /// Indices count the samples of the data set's training files, `file_samples` of them, before a validation set is
  /// held out; `training` are those left, ascending, and `sharding` deals them. Throws Error (data) naming the file if
  /// its size is no multiple of a row of `global_batch` indices, and Error (data) naming file, row and index if there
  /// is no such sample or it is held out; Error (usage) if P > V.
  BatchList(const std::filesystem::path& file, Index global_batch, const Sharding& sharding,
            std::span<const Index> training, Index file_samples);

  [[nodiscard]] std::optional<Index> epochs() const override { return 1; }
  [[nodiscard]] Index batches_per_epoch() const override { return static_cast<Index>(batches_.size()); }
  [[nodiscard]] Index global_size(Index batch) const override;
  [[nodiscard]] Index largest_local_size() const override;
  [[nodiscard]] std::span<const Index> local_batch(Index epoch, Index batch) override;
  [[nodiscard]] std::span<const Index> local_positions(Index epoch, Index batch) override;
  [[nodiscard]] std::span<const Index> local_numbers(Index epoch, Index batch) override;

 private:
  /// This rank's part of a row.
  struct Part {
    std::vector<Index> places;
    std::vector<Index> positions;
    std::vector<Index> numbers;
  };
  [[nodiscard]] const Part& part(Index epoch, Index batch) const;

  Index global_batch_;
  std::vector<Part> batches_;
};

}  // namespace sibp
