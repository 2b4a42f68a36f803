#include "sibp/core/error.hpp"

#include "comm/mpi/bfloat16_exchange.hpp"
#include "comm/mpi/check.hpp"
#include "comm/mpi/slot.hpp"
#include "comm/mpi/timed_wait.hpp"
#include "comm/wait_until.hpp"

#include <algorithm>
#include <optional>

namespace sibp {
namespace {

std::span<const Real> elements_of(ConstMatrixView matrix) {
  return {matrix.data, static_cast<std::size_t>(matrix.size())};
}

std::span<Real> elements_of(MatrixView matrix) {
  return {matrix.data, static_cast<std::size_t>(matrix.size())};
}

class Bfloat16Slot final : public CollectiveSlot {
 public:
  Bfloat16Slot(const MpiComm& ranks, const SumChannel& channel, SumsUnderWay& sums, CommunicatorBackend& backend)
      : ranks_(ranks),
        sums_(sums),
        backend_(backend),
        sum_(make_in_place_sum(channel)),
        blocks_(ranks.size()),
        exchange_(ranks.rank(), ranks.size()) {
    sums_.enrol();
  }

  void start_all_reduce_sum(MatrixView matrix) override { start_sum(matrix, {}); }
  void start_reduce_sum(MatrixView matrix, int root) override { start_sum(matrix, root); }

  void start_all_gather_columns(MatrixView gathered, std::span<const Index> columns) override {
    require(gathered.contiguous(), "only a matrix without gaps can be gathered into");
    begin(Collective::gather, gathered.size(), 1);
    blocks_.set(gathered.rows, gathered.cols, columns);
    gathered_ = elements_of(gathered);
    rounded_.resize(gathered_.size());
    round_to_bfloat16(blocks_.block(gathered_, ranks_.rank()),
                      blocks_.block(std::span(rounded_), ranks_.rank()).data());
    if (const auto root = blocks_.only_rank()) {
      check(MPI_Ibcast(rounded_.data(), blocks_.counts[*root], MPI_UINT16_T, static_cast<int>(*root), ranks_.get(),
                       &request_),
            "MPI_Ibcast");
      return;
    }
    check(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, rounded_.data(), blocks_.counts.data(),
                          blocks_.offsets.data(), MPI_UINT16_T, ranks_.get(), &request_),
          "MPI_Iallgatherv");
  }

  void start_reduce_scatter_columns(ConstMatrixView matrix, std::span<const Index> columns, MatrixView mine) override {
    require(matrix.contiguous() && mine.contiguous(), "only matrices without gaps can be reduced");
    begin(Collective::reduce_scatter, matrix.size(), 1);
    blocks_.set(matrix.rows, matrix.cols, columns);
    require(mine.rows == matrix.rows && mine.cols == columns[static_cast<std::size_t>(ranks_.rank())],
            "reduce-scatter: shapes do not fit");
    rounded_.resize(static_cast<std::size_t>(matrix.size()));
    round_to_bfloat16(elements_of(matrix), rounded_.data());
    scattered_ = elements_of(matrix);
    mine_ = elements_of(mine);
    exchange_.start(rounded_, blocks_, ranks_.get());
  }

  void wait() override {
    if (!under_way()) return;
    const TimedWait timed(backend_.traffic(), *under_way_, started_);
    switch (*under_way_) {
      case Collective::all_reduce:
      case Collective::reduce:
        wait_until([&] { return sum_->done(); }, [&] { backend_.poll(); });
        break;
      case Collective::gather:
        check(MPI_Wait(&request_, MPI_STATUS_IGNORE), "MPI_Wait");
        from_bfloat16(rounded_, gathered_.data());
        break;
      case Collective::reduce_scatter:
        exchange_.wait();
        std::ranges::copy(blocks_.block(scattered_, ranks_.rank()), mine_.begin());
        exchange_.add_to(mine_);
        break;
      case Collective::broadcast:
        break;
    }
    under_way_.reset();
  }

  [[nodiscard]] bool under_way() const override { return under_way_.has_value(); }

 private:
  void start_sum(MatrixView matrix, Root root) {
    require(matrix.contiguous(), "only a matrix without gaps can be reduced");
    if (matrix.empty()) return;
    begin(root ? Collective::reduce : Collective::all_reduce, matrix.size(), root ? 1 : 2);
    sum_->set(elements_of(matrix), root);
    sums_.begin(*sum_);
  }
  /// `halves` of an all-reduce are counted.
  void begin(Collective kind, Index elements, int halves) {
    require(!under_way(), "a slot takes one collective at a time");
    under_way_ = kind;
    started_ = MPI_Wtime();
    backend_.traffic().add_reduced(elements * static_cast<std::int64_t>(sizeof(Bfloat16)) * halves / 2);
  }

  const MpiComm& ranks_;
  SumsUnderWay& sums_;
  CommunicatorBackend& backend_;
  std::unique_ptr<InPlaceSum> sum_;
  ColumnBlocks blocks_;
  std::vector<Bfloat16> rounded_;  ///< what travels in a gather or to be added up
  Bfloat16Exchange exchange_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::span<Real> gathered_;
  std::span<const Real> scattered_;
  std::span<Real> mine_;
  std::optional<Collective> under_way_;
  double started_ = 0;  ///< MPI_Wtime
};

}  // namespace

std::unique_ptr<CollectiveSlot> make_bfloat16_slot(const MpiComm& ranks, const SumChannel& channel, SumsUnderWay& sums,
                                                   CommunicatorBackend& backend) {
  return std::make_unique<Bfloat16Slot>(ranks, channel, sums, backend);
}

}  // namespace sibp
