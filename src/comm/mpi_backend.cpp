#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

#include "comm/gatherable_matrix.hpp"
#include "comm/mpi_check.hpp"
#include "comm/shared_matrix.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <mpi.h>

namespace sibp {
namespace {

/// Whether the library, or what lies below it, failed, rather than the call being wrong.
bool is_lost_peer(int code) {
  int error_class = MPI_ERR_UNKNOWN;
  MPI_Error_class(code, &error_class);
  constexpr std::array classes{MPI_ERR_OTHER, MPI_ERR_INTERN, MPI_ERR_UNKNOWN, MPI_ERR_IN_STATUS, MPI_ERR_PENDING};
  return std::find(classes.begin(), classes.end(), error_class) != classes.end();
}

}  // namespace

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(is_lost_peer(code) ? ExitStatus::stalled : ExitStatus::runtime,
              std::string(call) + " failed: " + std::string(text, static_cast<std::size_t>(length)));
}

namespace {

MPI_Datatype mpi_type(ElementType type) {
  switch (type) {
    case ElementType::byte:
      return MPI_BYTE;
    case ElementType::int32:
      return MPI_INT32_T;
    case ElementType::int64:
      return MPI_INT64_T;
    case ElementType::uint64:
      return MPI_UINT64_T;
    case ElementType::float32:
      return MPI_FLOAT;
    case ElementType::float64:
      return MPI_DOUBLE;
  }
  throw Error(ExitStatus::runtime, "unknown element type");
}

MPI_Op mpi_op(Reduction reduction) {
  switch (reduction) {
    case Reduction::sum:
      return MPI_SUM;
    case Reduction::max:
      return MPI_MAX;
    case Reduction::min:
      return MPI_MIN;
  }
  throw Error(ExitStatus::runtime, "unknown reduction");
}

/// Elements of one piece of a large reduction: pieces that fit the caches are reduced several times faster.
constexpr Index piece = Index{1} << 20;

class MpiSlot final : public CollectiveSlot {
 public:
  MpiSlot(MPI_Comm comm, int rank, int size, CommunicatorBackend& totals)
      : comm_(comm), rank_(rank), size_(size), totals_(totals) {
    counts_.resize(static_cast<std::size_t>(size));
    offsets_.resize(static_cast<std::size_t>(size));
  }

  void start_all_reduce_sum(MatrixView matrix) override {
    require(matrix.contiguous(), "only a matrix without gaps can be reduced");
    if (!begin(matrix.size(), 2)) return;
    for (Index first = 0; first < matrix.size(); first += piece) {
      check(MPI_Iallreduce(MPI_IN_PLACE, matrix.data + first, checked_int(std::min(piece, matrix.size() - first)),
                           type_, MPI_SUM, comm_, &requests_.emplace_back()),
            "MPI_Iallreduce");
    }
  }

  void start_all_gather_columns(MatrixView gathered, std::span<const Index> columns) override {
    require(gathered.contiguous(), "only a matrix without gaps can be gathered into");
    if (!begin(gathered.size(), 1)) return;
    set_counts(gathered.rows, gathered.cols, columns);
    check(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, gathered.data, counts_.data(), offsets_.data(), type_,
                          comm_, &requests_.emplace_back()),
          "MPI_Iallgatherv");
  }

  void start_reduce_scatter_columns(ConstMatrixView matrix, std::span<const Index> columns, MatrixView mine) override {
    require(matrix.contiguous() && mine.contiguous(), "only matrices without gaps can be reduced");
    begin(matrix.size(), 1);
    set_counts(matrix.rows, matrix.cols, columns);
    require(mine.rows == matrix.rows && mine.cols == columns[static_cast<std::size_t>(rank_)],
            "reduce-scatter: shapes do not fit");
    check(MPI_Ireduce_scatter(matrix.data, mine.data, counts_.data(), type_, MPI_SUM, comm_, &requests_.emplace_back()),
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
  /// False if there is nothing to do: one rank has the result. `halves` of an all-reduce are counted.
  bool begin(Index elements, int halves) {
    require(requests_.empty(), "a slot takes one collective at a time");
    started_ = MPI_Wtime();
    if (size_ == 1) return false;
    totals_.bytes_reduced += elements * static_cast<std::int64_t>(sizeof(Real)) * halves / 2;
    return true;
  }

  void set_counts(Index rows, Index cols, std::span<const Index> columns) {
    require(std::ssize(columns) == size_, "one number of columns per rank is needed");
    checked_int(rows * cols);
    Index offset = 0;
    for (std::size_t q = 0; q < columns.size(); ++q) {
      counts_[q] = checked_int(rows * columns[q]);
      offsets_[q] = checked_int(offset);
      offset += rows * columns[q];
    }
    require(offset == rows * cols, "the blocks of the ranks do not make up the matrix");
  }

  MPI_Comm comm_;
  int rank_;
  int size_;
  CommunicatorBackend& totals_;
  double started_ = 0;  ///< MPI_Wtime
  MPI_Datatype type_ = mpi_type(ElementTypeOf<Real>::value);
  std::vector<MPI_Request> requests_;
  std::vector<int> counts_;
  std::vector<int> offsets_;
};

/// Owns its communicator, a duplicate whose errors are returned rather than fatal, so that check() sees them.
/// A matrix of the device's own, summed by the library.
class PlainReducible final : public ReducibleMatrix {
 public:
  PlainReducible(Matrix matrix, std::unique_ptr<CollectiveSlot> slot)
      : matrix_(std::move(matrix)), slot_(std::move(slot)) {}
  [[nodiscard]] MatrixView view() override { return matrix_.view(); }
  void start_sum() override { slot_->start_all_reduce_sum(matrix_.view()); }
  void wait() override { slot_->wait(); }
  [[nodiscard]] bool under_way() const override { return slot_->under_way(); }

 private:
  Matrix matrix_;
  std::unique_ptr<CollectiveSlot> slot_;
};

/// The least seconds of a few sums. Collective.
double seconds_of_sum(ReducibleMatrix& matrix) {
  double least = 1e300;
  for (int k = 0; k < 4; ++k) {
    const double start = MPI_Wtime();
    matrix.start_sum();
    matrix.wait();
    least = std::min(least, MPI_Wtime() - start);
  }
  return least;
}

class MpiBackend final : public CommunicatorBackend {
 public:
  explicit MpiBackend(MPI_Comm owned) : comm_(owned) {
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }
  ~MpiBackend() override {
    // Freeing is collective: a rank that an error is taking down must not wait for the others in it.
    if (std::uncaught_exceptions() != 0) return;
    if (node_ != MPI_COMM_NULL) MPI_Comm_free(&node_);
    MPI_Comm_free(&comm_);
  }

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }

  void all_reduce(void* data, Index count, ElementType type, Reduction reduction) override {
    check(MPI_Allreduce(MPI_IN_PLACE, data, checked_int(count), mpi_type(type), mpi_op(reduction), comm_),
          "MPI_Allreduce");
  }
  void broadcast(void* data, Index count, ElementType type, int root) override {
    check(MPI_Bcast(data, checked_int(count), mpi_type(type), root, comm_), "MPI_Bcast");
  }
  void all_gather(const void* part, Index count, ElementType type, void* gathered) override {
    const int n = checked_int(count);
    check(MPI_Allgather(part, n, mpi_type(type), gathered, n, mpi_type(type), comm_), "MPI_Allgather");
  }
  void barrier() override { check(MPI_Barrier(comm_), "MPI_Barrier"); }
  std::unique_ptr<CollectiveSlot> make_slot() override { return std::make_unique<MpiSlot>(comm_, rank_, size_, *this); }
  std::unique_ptr<ReducibleMatrix> make_reducible(Device& device, Index rows, Index cols) override {
    if (shares_memory(device)) {
      if (auto shared = make_shared_matrix(node_, *this, rows, cols)) return shared;
    }
    return std::make_unique<PlainReducible>(device.allocate(rows, cols), make_slot());
  }
  std::unique_ptr<GatherableMatrix> make_gatherable(Device& device, Index elements) override {
    if (shares_memory(device)) {
      if (auto shared = make_shared_gatherable(node_, *this, elements)) return shared;
    }
    return make_plain_gatherable(device, make_slot(), rank_, elements);
  }
  void poll() override {
    int flag = 0;  // any call that looks for messages makes the library move its collectives on
    check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &flag, MPI_STATUS_IGNORE), "MPI_Iprobe");
  }
  void broadcast_matrix(MatrixView matrix, int root) override {
    broadcast(matrix.data, matrix.size(), ElementTypeOf<Real>::value, root);
  }

 private:
  /// Whether sums go through shared memory: decided at the first call, by all ranks alike.
  bool shares_memory(Device& device) {
    if (size_ == 1) return false;
    if (!shares_memory_) shares_memory_ = all_on_one_node() && is_faster_shared(device);
    return *shares_memory_;
  }

  bool all_on_one_node() {
    check(MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node_), "MPI_Comm_split_type");
    check(MPI_Comm_set_errhandler(node_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    int here = 0;
    check(MPI_Comm_size(node_, &here), "MPI_Comm_size");
    int together = here == size_ ? 1 : 0;
    all_reduce(&together, 1, ElementType::int32, Reduction::min);
    return together == 1;
  }

  /// A trial on some megabytes; rank 0's clock decides.
  bool is_faster_shared(Device& device) {
    constexpr Index elements = Index{1} << 20;
    const auto counted = std::pair(bytes_reduced, seconds_hidden);
    PlainReducible plain(device.allocate(elements, 1), make_slot());
    const auto shared = make_shared_matrix(node_, *this, elements, 1);
    std::int32_t faster = 0;
    if (shared != nullptr) {
      const double by_library = seconds_of_sum(plain);
      faster = seconds_of_sum(*shared) < by_library ? 1 : 0;
    }
    broadcast(&faster, 1, ElementType::int32, 0);
    std::tie(bytes_reduced, seconds_hidden) = counted;  // a trial is no part of the training
    return faster == 1;
  }

  MPI_Comm comm_;
  MPI_Comm node_ = MPI_COMM_NULL;  ///< the ranks of this node, once somebody has asked
  int rank_ = 0;
  int size_ = 1;
  std::optional<bool> shares_memory_;
};

}  // namespace

Communicator make_mpi_communicator() {
  MPI_Comm duplicate = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_WORLD, &duplicate), "MPI_Comm_dup");
  return Communicator(std::make_shared<MpiBackend>(duplicate));
}

Communicator make_self_communicator() {
  MPI_Comm duplicate = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_SELF, &duplicate), "MPI_Comm_dup");
  return Communicator(std::make_shared<MpiBackend>(duplicate));
}

Communicator make_node_communicator() {
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  return Communicator(std::make_shared<MpiBackend>(node));
}

}  // namespace sibp
