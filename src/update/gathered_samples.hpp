#pragma once

#include "update/proximal_form.hpp"

#include <memory>

namespace sibp {

/// A matrix with a column for every sample of the batch, of which each rank has its own and gathers the others'.
class GatheredSamples {
 public:
  /// rows × at most `capacity` samples over all ranks.
  GatheredSamples(const UpdateContext& context, Index rows, Index capacity);

  /// Starts to gather a copy of every rank's `own` (rows × M_p). Collective.
  void start(ConstMatrixView own, const DealtSamples& samples);
  /// Returns when all() is there. Collective.
  void wait();

  /// The columns of all ranks, in their order: rows × M. Local.
  [[nodiscard]] MatrixView all() { return gathered_.view().left_cols(samples_.total); }
  /// This rank's columns of it. Local.
  [[nodiscard]] MatrixView own() { return all().block(0, first_, gathered_.rows(), own_samples()); }
  /// The rows of an M × n matrix that stand for this rank's samples. Local.
  [[nodiscard]] MatrixView own_rows(MatrixView by_sample) const {
    return by_sample.block(first_, 0, own_samples(), by_sample.cols);
  }

 private:
  [[nodiscard]] Index own_samples() const {
    return samples_.per_rank[static_cast<std::size_t>(context_.communicator.rank())];
  }

  UpdateContext context_;
  Matrix gathered_;
  std::unique_ptr<CollectiveSlot> slot_;
  DealtSamples samples_;
  Index first_ = 0;  ///< this rank's first column
};

}  // namespace sibp
