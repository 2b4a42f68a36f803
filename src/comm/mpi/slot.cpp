#include "comm/mpi/slot.hpp"

#include "sibp/core/error.hpp"

#include "comm/mpi/check.hpp"
#include "comm/mpi/column_blocks.hpp"
#include "comm/mpi/library_sum.hpp"
#include "comm/mpi/timed_wait.hpp"
#include "comm/mpi/types.hpp"

namespace sibp {
namespace {

class MpiSlot final : public CollectiveSlot {
 public:
  MpiSlot(const MpiComm& ranks, Traffic& traffic) : ranks_(ranks), traffic_(traffic), blocks_(ranks.size()) {}

  void start_all_reduce_sum(MatrixView matrix) override { start_sum(matrix, {}); }
  void start_reduce_sum(MatrixView matrix, int root) override { start_sum(matrix, root); }

  void start_all_gather_columns(MatrixView gathered, std::span<const Index> columns) override {
    require(gathered.contiguous(), "only a matrix without gaps can be gathered into");
    begin(Collective::gather, gathered.size(), 1);
    if (ranks_.size() == 1) return;
    blocks_.set(gathered.rows, gathered.cols, columns);
    if (const auto root = blocks_.only_rank()) {
      kind_ = Collective::broadcast;
      check(MPI_Ibcast(gathered.data, blocks_.counts[*root], mpi_real(), static_cast<int>(*root), ranks_.get(),
                       &requests_.emplace_back()),
            "MPI_Ibcast");
      return;
    }
    check(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, gathered.data, blocks_.counts.data(),
                          blocks_.offsets.data(), mpi_real(), ranks_.get(), &requests_.emplace_back()),
          "MPI_Iallgatherv");
  }

  void start_reduce_scatter_columns(ConstMatrixView matrix, std::span<const Index> columns, MatrixView mine) override {
    require(matrix.contiguous() && mine.contiguous(), "only matrices without gaps can be reduced");
    begin(Collective::reduce_scatter, matrix.size(), 1);
    blocks_.set(matrix.rows, matrix.cols, columns);
    require(mine.rows == matrix.rows && mine.cols == columns[static_cast<std::size_t>(ranks_.rank())],
            "reduce-scatter: shapes do not fit");
    if (const auto root = blocks_.only_rank()) {
      kind_ = Collective::reduce;
      check(MPI_Ireduce(matrix.data, mine.data, blocks_.counts[*root], mpi_real(), MPI_SUM, static_cast<int>(*root),
                        ranks_.get(), &requests_.emplace_back()),
            "MPI_Ireduce");
      return;
    }
    check(MPI_Ireduce_scatter(matrix.data, mine.data, blocks_.counts.data(), mpi_real(), MPI_SUM, ranks_.get(),
                              &requests_.emplace_back()),
          "MPI_Ireduce_scatter");
  }

  void wait() override {
    if (!under_way()) return;
    const TimedWait timed(traffic_, kind_, started_);
    check(MPI_Waitall(checked_int(std::ssize(requests_)), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
    requests_.clear();
  }

  [[nodiscard]] bool under_way() const override { return !requests_.empty(); }

 private:
  void start_sum(MatrixView matrix, Root root) {
    require(matrix.contiguous(), "only a matrix without gaps can be reduced");
    begin(root ? Collective::reduce : Collective::all_reduce, matrix.size(), root ? 1 : 2);
    if (ranks_.size() == 1) return;
    start_library_sum(std::span(matrix.data, static_cast<std::size_t>(matrix.size())), ranks_.get(), root, requests_);
  }
  /// `halves` of an all-reduce are counted.
  void begin(Collective kind, Index elements, int halves) {
    require(!under_way(), "a slot takes one collective at a time");
    kind_ = kind;
    started_ = MPI_Wtime();
    if (ranks_.size() > 1) traffic_.add_reduced(elements * static_cast<std::int64_t>(sizeof(Real)) * halves / 2);
  }

  const MpiComm& ranks_;
  Traffic& traffic_;
  ColumnBlocks blocks_;
  Collective kind_ = Collective::all_reduce;
  double started_ = 0;  ///< MPI_Wtime
  std::vector<MPI_Request> requests_;
};

}  // namespace

std::unique_ptr<CollectiveSlot> make_mpi_slot(const MpiComm& ranks, Traffic& traffic) {
  return std::make_unique<MpiSlot>(ranks, traffic);
}

}  // namespace sibp
