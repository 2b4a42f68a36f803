#include "comm/mpi_slot.hpp"

#include "sibp/core/error.hpp"

#include "comm/column_blocks.hpp"
#include "comm/mpi_check.hpp"
#include "comm/mpi_types.hpp"

namespace sibp {
namespace {

class MpiSlot final : public CollectiveSlot {
 public:
  MpiSlot(const MpiComm& ranks, CommunicatorBackend& totals) : ranks_(ranks), totals_(totals), blocks_(ranks.size()) {}

  void start_all_reduce_sum(MatrixView matrix) override {
    require(matrix.contiguous(), "only a matrix without gaps can be reduced");
    begin(matrix.size(), 2);
    if (ranks_.size() == 1) return;
    start_library_sum({matrix.data, static_cast<std::size_t>(matrix.size())}, ranks_.get(), requests_);
  }

  void start_all_gather_columns(MatrixView gathered, std::span<const Index> columns) override {
    require(gathered.contiguous(), "only a matrix without gaps can be gathered into");
    begin(gathered.size(), 1);
    if (ranks_.size() == 1) return;
    blocks_.set(gathered.rows, gathered.cols, columns);
    check(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, gathered.data, blocks_.counts.data(),
                          blocks_.offsets.data(), mpi_real(), ranks_.get(), &requests_.emplace_back()),
          "MPI_Iallgatherv");
  }

  void start_reduce_scatter_columns(ConstMatrixView matrix, std::span<const Index> columns, MatrixView mine) override {
    require(matrix.contiguous() && mine.contiguous(), "only matrices without gaps can be reduced");
    begin(matrix.size(), 1);
    blocks_.set(matrix.rows, matrix.cols, columns);
    require(mine.rows == matrix.rows && mine.cols == columns[static_cast<std::size_t>(ranks_.rank())],
            "reduce-scatter: shapes do not fit");
    check(MPI_Ireduce_scatter(matrix.data, mine.data, blocks_.counts.data(), mpi_real(), MPI_SUM, ranks_.get(),
                              &requests_.emplace_back()),
          "MPI_Ireduce_scatter");
  }

  void wait() override {
    if (!under_way()) return;
    totals_.seconds_hidden += MPI_Wtime() - started_;
    check(MPI_Waitall(checked_int(std::ssize(requests_)), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
    requests_.clear();
  }

  [[nodiscard]] bool under_way() const override { return !requests_.empty(); }

 private:
  /// `halves` of an all-reduce are counted.
  void begin(Index elements, int halves) {
    require(!under_way(), "a slot takes one collective at a time");
    started_ = MPI_Wtime();
    if (ranks_.size() > 1) totals_.bytes_reduced += elements * static_cast<std::int64_t>(sizeof(Real)) * halves / 2;
  }

  const MpiComm& ranks_;
  CommunicatorBackend& totals_;
  ColumnBlocks blocks_;
  double started_ = 0;  ///< MPI_Wtime
  std::vector<MPI_Request> requests_;
};

}  // namespace

std::unique_ptr<CollectiveSlot> make_mpi_slot(const MpiComm& ranks, CommunicatorBackend& totals) {
  return std::make_unique<MpiSlot>(ranks, totals);
}

}  // namespace sibp
