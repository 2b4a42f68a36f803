#pragma once

#include "sibp/comm/column_source.hpp"
#include "sibp/core/matrix_view.hpp"
#include "sibp/device/device.hpp"

#include <span>

namespace sibp {

/// A matrix of sums over the samples of all ranks, X Yᵀ, of which every rank gets some columns. All ranks make the same
/// ones in the same order and call the same functions in the same order; all are Collective.
class ReduceScatter {
 public:
  ReduceScatter() = default;
  ReduceScatter(const ReduceScatter&) = delete;
  ReduceScatter& operator=(const ReduceScatter&) = delete;
  virtual ~ReduceScatter() = default;

  /// This rank's part ← alpha X Yᵀ.
  virtual void set_product(Device& device, Real alpha, const ColumnSource& source) = 0;
  /// Starts the reduction: mine ← this rank's block of the columns of the sum; rank q gets columns[q] columns.
  virtual void start(std::span<const Index> columns, MatrixView mine) = 0;
  /// Returns when they are there; at once if none is under way.
  virtual void wait() = 0;
  [[nodiscard]] virtual bool under_way() const = 0;
};

}  // namespace sibp
