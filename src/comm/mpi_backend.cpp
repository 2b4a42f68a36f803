#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

#include <exception>
#include <string>

#include <mpi.h>

namespace sibp {
namespace {

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(ExitStatus::stalled,
              std::string(call) + " failed: " + std::string(text, static_cast<std::size_t>(length)));
}

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

class MpiReduction final : public ReductionInFlight {
 public:
  MpiReduction(MPI_Comm comm, MatrixView matrix) {
    check(MPI_Iallreduce(MPI_IN_PLACE, matrix.data, checked_int(matrix.size()), mpi_type(ElementTypeOf<Real>::value),
                         MPI_SUM, comm, &request_),
          "MPI_Iallreduce");
  }

  bool poll() override {
    int done = 0;
    check(MPI_Test(&request_, &done, MPI_STATUS_IGNORE), "MPI_Test");
    return done != 0;
  }

  void wait() override { check(MPI_Wait(&request_, MPI_STATUS_IGNORE), "MPI_Wait"); }

 private:
  MPI_Request request_ = MPI_REQUEST_NULL;
};

/// Owns its communicator, a duplicate whose errors are returned rather than fatal, so that check() sees them.
class MpiBackend final : public CommunicatorBackend {
 public:
  explicit MpiBackend(MPI_Comm owned) : comm_(owned) {
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }
  ~MpiBackend() override {
    // Freeing is collective: a rank that an error is taking down must not wait for the others in it.
    if (std::uncaught_exceptions() == 0) MPI_Comm_free(&comm_);
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
  std::unique_ptr<ReductionInFlight> start_all_reduce_sum(MatrixView matrix) override {
    return std::make_unique<MpiReduction>(comm_, matrix);
  }
  void broadcast_matrix(MatrixView matrix, int root) override {
    broadcast(matrix.data, matrix.size(), ElementTypeOf<Real>::value, root);
  }

 private:
  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 1;
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
