#include "comm/mpi/slot.hpp"

#include "sibp/core/error.hpp"

#include "comm/mpi/block_exchange.hpp"
#include "comm/mpi/check.hpp"
#include "comm/mpi/timed_wait.hpp"
#include "comm/mpi/types.hpp"
#include "comm/mpi/wire_format.hpp"
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

template <class Format>
class MpiSlot final : public CollectiveSlot {
 public:
  MpiSlot(const MpiComm& ranks, const SumChannel& channel, SumsUnderWay& sums, CommunicatorBackend& backend)
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
    if (ranks_.size() == 1) return;
    blocks_.set(gathered.rows, gathered.cols, columns);
    const auto root = blocks_.only_rank();
    begin(root ? Stage::broadcast : Stage::gather, root ? Collective::broadcast : Collective::gather, gathered.size(),
          1);
    total_ = elements_of(gathered);
    travelling_ = format_.room_for(total_);
    Format::pack(blocks_.block(total_, ranks_.rank()), blocks_.block(travelling_, ranks_.rank()));
    if (!root) return exchange_.start_gather(travelling_, blocks_, ranks_.get());
    check(MPI_Ibcast(travelling_.data(), blocks_.counts[*root], mpi_element<Element>(), static_cast<int>(*root),
                     ranks_.get(), &request_),
          "MPI_Ibcast");
  }

  void start_reduce_scatter_columns(ConstMatrixView matrix, std::span<const Index> columns, MatrixView mine) override {
    require(matrix.contiguous() && mine.contiguous(), "only matrices without gaps can be reduced");
    blocks_.set(matrix.rows, matrix.cols, columns);
    require(mine.rows == matrix.rows && mine.cols == columns[static_cast<std::size_t>(ranks_.rank())],
            "reduce-scatter: shapes do not fit");
    const auto root = blocks_.only_rank();
    if (root && Format::library_adds) {
      begin(Stage::reduce, Collective::reduce, matrix.size(), 1);
      check(MPI_Ireduce(matrix.data, mine.data, blocks_.counts[*root], mpi_real(), MPI_SUM, static_cast<int>(*root),
                        ranks_.get(), &request_),
            "MPI_Ireduce");
      return;
    }
    begin(Stage::scatter, Collective::reduce_scatter, matrix.size(), 1);
    own_ = blocks_.block(elements_of(matrix), ranks_.rank());
    total_ = elements_of(mine);
    exchange_.start_scatter(format_.pack_all(elements_of(matrix)), blocks_, ranks_.get());
  }

  void wait() override {
    if (!under_way()) return;
    const TimedWait timed(backend_.traffic(), kind_, started_);
    wait_until([&] { return is_over(); }, [&] { backend_.poll(); });
    if (stage_ == Stage::gather || stage_ == Stage::broadcast) Format::unpack(travelling_, total_);
    if (stage_ == Stage::scatter) {
      std::ranges::copy(own_, total_.begin());
      for (int q = 0; q < ranks_.size(); ++q) Format::add(exchange_.received(q), total_);
    }
    stage_ = Stage::idle;
  }

  [[nodiscard]] bool under_way() const override { return stage_ != Stage::idle; }

 private:
  using Element = typename Format::Element;
  enum class Stage { idle, sum, gather, broadcast, scatter, reduce };

  void start_sum(MatrixView matrix, Root root) {
    require(matrix.contiguous(), "only a matrix without gaps can be reduced");
    if (ranks_.size() == 1 || matrix.empty()) return;
    begin(Stage::sum, root ? Collective::reduce : Collective::all_reduce, matrix.size(), root ? 1 : 2);
    sum_->set(elements_of(matrix), root);
    sums_.begin(*sum_);
  }

  /// `halves` of an all-reduce are counted.
  void begin(Stage stage, Collective kind, Index elements, int halves) {
    require(!under_way(), "a slot takes one collective at a time");
    stage_ = stage;
    kind_ = kind;
    started_ = MPI_Wtime();
    if (ranks_.size() > 1)
      backend_.traffic().add_reduced(elements * static_cast<std::int64_t>(sizeof(Element)) * halves / 2);
  }

  bool is_over() {
    if (stage_ == Stage::sum) return sum_->done();
    if (stage_ == Stage::gather || stage_ == Stage::scatter) return exchange_.test();
    int over = 0;
    check(MPI_Test(&request_, &over, MPI_STATUS_IGNORE), "MPI_Test");
    return over != 0;
  }

  const MpiComm& ranks_;
  SumsUnderWay& sums_;
  CommunicatorBackend& backend_;
  std::unique_ptr<InPlaceSum> sum_;
  Format format_;
  ColumnBlocks blocks_;
  BlockExchange<Element> exchange_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  std::span<const Real> own_;      ///< this rank's part of what is reduced and scattered
  std::span<Real> total_;          ///< where a gather or a reduce-scatter leads to
  std::span<Element> travelling_;  ///< of a gather
  Stage stage_ = Stage::idle;
  Collective kind_ = Collective::all_reduce;
  double started_ = 0;  ///< MPI_Wtime
};

}  // namespace

std::unique_ptr<CollectiveSlot> make_mpi_slot(const MpiComm& ranks, const SumChannel& channel, SumsUnderWay& sums,
                                              CommunicatorBackend& backend) {
  if (channel.wire == Wire::bfloat16) return std::make_unique<MpiSlot<Rounded>>(ranks, channel, sums, backend);
  return std::make_unique<MpiSlot<Unrounded>>(ranks, channel, sums, backend);
}

}  // namespace sibp
