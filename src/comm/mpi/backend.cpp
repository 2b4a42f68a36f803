// The backend over MPI, and its slots for collectives on matrices.
#include "comm/mpi/backend.hpp"

#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

#include "comm/mpi/block_exchange.hpp"
#include "comm/mpi/calls.hpp"
#include "comm/mpi/matrix_maker.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace sibp {
namespace {

std::span<const Real> elements_of(ConstMatrixView matrix) {
  return {matrix.data, static_cast<std::size_t>(matrix.size())};
}

std::span<Real> elements_of(MatrixView matrix) {
  return {matrix.data, static_cast<std::size_t>(matrix.size())};
}

/// A slot for collectives on matrices that travel in the format of the channel's wire. If they travel as bfloat16, what
/// one rank gathers from another, and the sums that all ranks get, are rounded, and a rank's own part of them as well,
/// so that all have the same. All-reduces go through `channel` and are among `sums` while under way; `backend` counts
/// and polls. All outlive the slot.
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

std::unique_ptr<CollectiveSlot> make_mpi_slot(const MpiComm& ranks, const SumChannel& channel, SumsUnderWay& sums,
                                              CommunicatorBackend& backend) {
  if (channel.wire == Wire::bfloat16) return std::make_unique<MpiSlot<Rounded>>(ranks, channel, sums, backend);
  return std::make_unique<MpiSlot<Unrounded>>(ranks, channel, sums, backend);
}

class MpiBackend final : public CommunicatorBackend {
 public:
  MpiBackend(MpiComm owned, const SumOptions& options, SplitIntoNodes split_into_nodes)
      : ranks_(std::move(owned)),
        channel_(ranks_.get(), ranks_.size() > 1 ? options.wire : Wire::float32),
        matrices_(*this, ranks_, sums_under_way_, options, std::move(split_into_nodes)) {
    if (options.sums != Sums::exact) return;
    decide(Sums::exact, "exact, in double by the library's collectives");
  }

  [[nodiscard]] int rank() const override { return ranks_.rank(); }
  [[nodiscard]] int size() const override { return ranks_.size(); }

  void all_reduce(void* data, Index count, ElementType type, Reduction reduction) override {
    check(MPI_Allreduce(MPI_IN_PLACE, data, checked_int(count), mpi_type(type), mpi_op(reduction), ranks_.get()),
          "MPI_Allreduce");
  }
  void broadcast(void* data, Index count, ElementType type, int root) override {
    check(MPI_Bcast(data, checked_int(count), mpi_type(type), root, ranks_.get()), "MPI_Bcast");
  }
  void all_gather(const void* part, Index count, ElementType type, void* gathered) override {
    const int n = checked_int(count);
    check(MPI_Allgather(part, n, mpi_type(type), gathered, n, mpi_type(type), ranks_.get()), "MPI_Allgather");
  }
  void barrier() override { check(MPI_Barrier(ranks_.get()), "MPI_Barrier"); }
  void broadcast_matrix(MatrixView matrix, int root) override {
    broadcast(matrix.data, matrix.size(), ElementTypeOf<Real>::value, root);
  }
  std::unique_ptr<CollectiveSlot> make_slot() override {
    return make_mpi_slot(ranks_, channel_, sums_under_way_, *this);
  }
  std::unique_ptr<AllReduce> make_all_reduce(Device& device, Index rows, Index cols, Root root) override {
    return matrices_.make_all_reduce(device, rows, cols, root);
  }
  std::unique_ptr<ReduceScatter> make_reduce_scatter(Device& device, Index rows, Index cols) override {
    return decision().sums == Sums::exact ? matrices_.make_exact_reduce_scatter(device, rows, cols)
                                          : CommunicatorBackend::make_reduce_scatter(device, rows, cols);
  }
  std::unique_ptr<AllGather> make_all_gather(Device& device, Index elements) override {
    return matrices_.make_all_gather(device, elements);
  }
  void poll() override {
    int flag = 0;  // any call that looks for messages makes the library move its collectives on
    check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, ranks_.get(), &flag, MPI_STATUS_IGNORE), "MPI_Iprobe");
    sums_under_way_.advance();
  }

 private:
  MpiComm ranks_;
  SumChannel channel_;  ///< of slots
  SumsUnderWay sums_under_way_;
  MatrixMaker matrices_;
};

}  // namespace

std::shared_ptr<CommunicatorBackend> make_mpi_backend(MpiComm owned, const SumOptions& options,
                                                      SplitIntoNodes split_into_nodes) {
  return std::make_shared<MpiBackend>(std::move(owned), options, std::move(split_into_nodes));
}

Communicator make_mpi_communicator(const SumOptions& options) {
  return Communicator(make_mpi_backend(duplicate(MPI_COMM_WORLD), options, split_into_nodes));
}

Communicator make_self_communicator(const SumOptions& options) {
  return Communicator(make_mpi_backend(duplicate(MPI_COMM_SELF), options, split_into_nodes));
}

Communicator make_node_communicator() {
  return Communicator(make_mpi_backend(split_into_nodes(MPI_COMM_WORLD), {}, split_into_nodes));
}

}  // namespace sibp
