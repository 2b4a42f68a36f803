#include "comm/mpi/calls.hpp"

#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <string>
#include <utility>

namespace sibp {
namespace {

/// Whether a peer, or what joins the ranks, failed, rather than the call being wrong by itself. A message that is too
/// long comes from a rank that is elsewhere.
bool is_lost_peer(int code) {
  int error_class = MPI_ERR_UNKNOWN;
  MPI_Error_class(code, &error_class);
  constexpr std::array classes{MPI_ERR_OTHER,     MPI_ERR_INTERN,  MPI_ERR_UNKNOWN,
                               MPI_ERR_IN_STATUS, MPI_ERR_PENDING, MPI_ERR_TRUNCATE};
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

MPI_Datatype mpi_real() {
  return mpi_type(ElementTypeOf<Real>::value);
}

MpiComm::MpiComm(MPI_Comm owned) : comm_(owned) {
  if (empty()) return;
  check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

MpiComm::MpiComm(MpiComm&& other) noexcept
    : comm_(std::exchange(other.comm_, MPI_COMM_NULL)), rank_(other.rank_), size_(other.size_) {
}

MpiComm& MpiComm::operator=(MpiComm&& other) noexcept {
  std::swap(comm_, other.comm_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  return *this;
}

MpiComm::~MpiComm() {
  // Freeing is collective: a rank that an error is taking down must not wait for the others in it.
  if (!empty() && std::uncaught_exceptions() == 0) MPI_Comm_free(&comm_);
}

MpiComm duplicate(MPI_Comm ranks) {
  MPI_Comm comm = MPI_COMM_NULL;
  check(MPI_Comm_dup(ranks, &comm), "MPI_Comm_dup");
  return MpiComm(comm);
}

MpiComm split(MPI_Comm ranks, int colour) {
  MPI_Comm comm = MPI_COMM_NULL;
  check(MPI_Comm_split(ranks, colour, 0, &comm), "MPI_Comm_split");
  return MpiComm(comm);
}

MpiComm split_into_nodes(MPI_Comm ranks) {
  MPI_Comm comm = MPI_COMM_NULL;
  check(MPI_Comm_split_type(ranks, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &comm), "MPI_Comm_split_type");
  return MpiComm(comm);
}

}  // namespace sibp
