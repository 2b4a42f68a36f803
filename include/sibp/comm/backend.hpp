#pragma once

#include "sibp/comm/column_source.hpp"
#include "sibp/comm/gatherable_matrix.hpp"
#include "sibp/comm/sum_options.hpp"
#include "sibp/comm/traffic.hpp"
#include "sibp/core/matrix_view.hpp"
#include "sibp/device/device.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace sibp {

/// Element types that travel between ranks.
enum class ElementType { byte, int32, int64, uint64, float32, float64 };

enum class Reduction { sum, max, min };

/// The one rank that a sum over ranks is for; nothing: all ranks get it.
using Root = std::optional<int>;

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

/// A matrix whose sum over ranks is taken again and again, in memory where that goes fastest. All ranks make the same
/// ones in the same order; start_sum and wait are Collective, in the same order everywhere.
class ReducibleMatrix {
 public:
  ReducibleMatrix() = default;
  ReducibleMatrix(const ReducibleMatrix&) = delete;
  ReducibleMatrix& operator=(const ReducibleMatrix&) = delete;
  virtual ~ReducibleMatrix() = default;

  /// The matrix, contiguous. To be left alone between start_sum() and wait(). With a root other ranks find anything in
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
  virtual void start_sum() = 0;
  /// Returns when the sum is in view(); at once if none is under way.
  virtual void wait() = 0;
  [[nodiscard]] virtual bool under_way() const = 0;
};

/// A matrix of sums over the samples of all ranks, X Yᵀ, of which every rank gets some columns. All ranks make the same
/// ones in the same order and call the same functions in the same order; all are Collective.
class ScatteredSum {
 public:
  ScatteredSum() = default;
  ScatteredSum(const ScatteredSum&) = delete;
  ScatteredSum& operator=(const ScatteredSum&) = delete;
  virtual ~ScatteredSum() = default;

  /// This rank's part ← alpha X Yᵀ.
  virtual void set_product(Device& device, Real alpha, const ColumnSource& source) = 0;
  /// Starts the reduction: mine ← this rank's block of the columns of the sum; rank q gets columns[q] columns.
  virtual void start(std::span<const Index> columns, MatrixView mine) = 0;
  /// Returns when they are there; at once if none is under way.
  virtual void wait() = 0;
  [[nodiscard]] virtual bool under_way() const = 0;
};

/// How matrices are summed, once a backend has decided; see Communicator::sums.
struct SumsDecision {
  Sums sums = Sums::automatic;
  std::string in_words;  ///< for people; empty until it is decided
};

/// What Communicator is made of: one library's collectives, without types. `count` is in elements, never bytes.
/// Host memory (void*) and matrices in a device's memory may take different ways. All functions are Collective, but for
/// rank(), size(), poll() and where it says so.
class CommunicatorBackend {
 public:
  CommunicatorBackend() = default;
  CommunicatorBackend(const CommunicatorBackend&) = delete;
  CommunicatorBackend& operator=(const CommunicatorBackend&) = delete;
  virtual ~CommunicatorBackend() = default;

  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  virtual void all_reduce(void* data, Index count, ElementType type, Reduction reduction) = 0;
  virtual void broadcast(void* data, Index count, ElementType type, int root) = 0;
  /// gathered, size() · count elements, ← the parts of all ranks in their order.
  virtual void all_gather(const void* part, Index count, ElementType type, void* gathered) = 0;
  virtual void barrier() = 0;
  virtual void broadcast_matrix(MatrixView matrix, int root) = 0;
  virtual std::unique_ptr<CollectiveSlot> make_slot() = 0;
  virtual std::unique_ptr<ReducibleMatrix> make_reducible(Device& device, Index rows, Index cols, Root root) = 0;
  virtual std::unique_ptr<ScatteredSum> make_scattered(Device& device, Index rows, Index cols);
  virtual std::unique_ptr<GatherableMatrix> make_gatherable(Device& device, Index elements) = 0;
  /// Moves on whatever is under way, without blocking. Local.
  virtual void poll() = 0;

  /// Local.
  [[nodiscard]] Traffic& traffic() { return traffic_; }
  /// Local.
  [[nodiscard]] const SumsDecision& decision() const { return decision_; }
  /// Takes note of how matrices are summed. Local.
  void decide(Sums sums, std::string in_words) { decision_ = {sums, std::move(in_words)}; }

 private:
  Traffic traffic_;
  SumsDecision decision_;
};

}  // namespace sibp
