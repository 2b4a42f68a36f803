#pragma once

#include "sibp/comm/column_source.hpp"
#include "sibp/core/matrix_view.hpp"
#include "sibp/device/device.hpp"

#include <functional>
#include <optional>

namespace sibp {

/// The one rank that a sum over ranks is for; nothing: all ranks get it.
using Root = std::optional<int>;

/// A matrix whose sum over ranks is taken again and again, in memory where that goes fastest. All ranks make the same
/// ones in the same order; start and wait are Collective, in the same order everywhere.
class AllReduce {
 public:
  AllReduce() = default;
  AllReduce(const AllReduce&) = delete;
  AllReduce& operator=(const AllReduce&) = delete;
  virtual ~AllReduce() = default;

  /// The matrix, contiguous. To be left alone between start() and wait(). With a root other ranks find anything in
  /// it afterwards.
  [[nodiscard]] virtual MatrixView view() = 0;
  /// part ← alpha X Yᵀ: this rank's part of a sum over the columns of all ranks. `part`, without gaps, lies in view(),
  /// and may hold it only after wait(). alpha = 0 makes zeros of anything. Collective.
  virtual void set_product(Device& device, MatrixView part, Real alpha, const ColumnSource& source);
  void set_product(Device& device, MatrixView part, Real alpha, ConstMatrixView x, ConstMatrixView y) {
    const auto whole = [&](const ColumnSource::Visit& visit) { visit(x, y); };
    set_product(device, part, alpha, ColumnSource{std::ref(whole)});  // by reference: a step allocates nothing
  }
  /// packed ← the lower triangle of X Xᵀ, column by column, in the same way; `packed` has one column, `whole` is memory
  /// for a square matrix, with any content afterwards.
  virtual void set_triangle(Device& device, MatrixView packed, const ColumnSource& source, MatrixView whole);
  /// Starts view() ← sum over ranks of what the ranks have in it.
  virtual void start() = 0;
  /// Returns when the sum is in view(); at once if none is under way.
  virtual void wait() = 0;
  [[nodiscard]] virtual bool under_way() const = 0;
};

}  // namespace sibp
