#pragma once

#include "sibp/core/matrix_view.hpp"

#include <span>

namespace sibp {

/// A matrix of which every rank has some columns and sees all, filled again and again, in memory where that goes
/// fastest. In a round, all ranks call begin, fill their columns, call start, wait, read, and release; other work may
/// be done between any of these. Functions are Collective as far as release(), and Local from own() on; all ranks make
/// the same matrices and begin, start and wait in the same order.
class AllGather {
 public:
  AllGather() = default;
  AllGather(const AllGather&) = delete;
  AllGather& operator=(const AllGather&) = delete;
  virtual ~AllGather() = default;

  /// A round with columns[q] columns of rank q. Returns when all ranks have released the round before: own() may be
  /// filled. Throws Error (runtime) if the matrix has no room for them.
  virtual void begin(Index rows, std::span<const Index> columns) = 0;
  /// own() is filled and is to be left as it is until release().
  virtual void start() = 0;
  /// Returns when the columns of all ranks are in all().
  virtual void wait() = 0;
  /// This rank needs nothing of the round any more.
  virtual void release() = 0;

  /// This rank's columns, contiguous: rows × columns[rank].
  [[nodiscard]] virtual MatrixView own() = 0;
  /// The columns of all ranks in their order, contiguous: rows × Σ columns, not to be written to.
  [[nodiscard]] virtual ConstMatrixView all() const = 0;
  /// Whether all ranks write to one memory: a round then takes no longer than its slowest rank. The same on all ranks.
  [[nodiscard]] virtual bool in_shared_memory() const = 0;
  /// Whether start() was called and wait() not yet.
  [[nodiscard]] virtual bool under_way() const = 0;
};

}  // namespace sibp
