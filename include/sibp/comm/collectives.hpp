// Collectives on matrices that are made once and used in every step, and the columns that their sums are made of.
#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/device.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace sibp {

/// The columns x and y of a sum over samples, Σ x yᵀ = X Yᵀ, block by block: X and Y need not be in memory as a whole.
struct ColumnSource {
  using Visit = std::function<void(ConstMatrixView x, ConstMatrixView y)>;

  /// Calls its argument for every block, with as many columns of X as of Y, always in the same order; the views are
  /// valid during the call only.
  std::function<void(const Visit&)> for_each;
  Index per_sample = 1;  ///< columns at most of each sample
  /// part ← alpha X Yᵀ of all columns; empty where the blocks are the only way.
  std::function<void(Real alpha, MatrixView part)> product{};
};

/// part ← alpha X Yᵀ of one rank's columns; alpha = 0 makes zeros of anything. Local.
void multiply(Device& device, Real alpha, const ColumnSource& source, MatrixView part);
/// Lower triangle of a ← X Xᵀ of one rank's columns. Local.
void form_triangle(Device& device, const ColumnSource& source, MatrixView a);

/// One collective on matrices that may be under way while other work goes on; used again and again, so that a step
/// allocates nothing. After a start_ function the matrices must be left alone until wait() has returned.
///
/// All ranks start the same collectives, through slots made in the same order, in the same order.
class CollectiveSlot {
 public:
  CollectiveSlot() = default;
  CollectiveSlot(const CollectiveSlot&) = delete;
  CollectiveSlot& operator=(const CollectiveSlot&) = delete;
  virtual ~CollectiveSlot() = default;

  /// matrix ← sum over ranks. `matrix` is contiguous, of equal shape everywhere.
  virtual void start_all_reduce_sum(MatrixView matrix) = 0;
  /// matrix ← sum over ranks on rank `root` alone; on the others it holds anything afterwards.
  virtual void start_reduce_sum(MatrixView matrix, int root) = 0;
  /// The column blocks of all ranks, in their order, side by side in `gathered`, on every rank: columns[q] columns of
  /// rank q. This rank's own are in place before. `gathered` is contiguous.
  virtual void start_all_gather_columns(MatrixView gathered, std::span<const Index> columns) = 0;
  /// mine ← sum over ranks of the column block columns[rank] of `matrix`. Both are contiguous.
  virtual void start_reduce_scatter_columns(ConstMatrixView matrix, std::span<const Index> columns,
                                            MatrixView mine) = 0;

  /// Returns when the result is in place; at once if nothing is under way.
  virtual void wait() = 0;
  [[nodiscard]] virtual bool under_way() const = 0;
};

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

/// For backends: matrices in the memory of `device` whose collectives go through a slot. Local.
std::unique_ptr<AllReduce> make_plain_all_reduce(Device& device, std::unique_ptr<CollectiveSlot> slot, Index rows,
                                                 Index cols, Root root);
std::unique_ptr<ReduceScatter> make_plain_reduce_scatter(Device& device, std::unique_ptr<CollectiveSlot> slot,
                                                         Index rows, Index cols);
/// One of at most `elements` elements; this is `rank`.
std::unique_ptr<AllGather> make_plain_all_gather(Device& device, std::unique_ptr<CollectiveSlot> slot, int rank,
                                                 Index elements);

}  // namespace sibp
