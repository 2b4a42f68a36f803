#include "comm/mpi/mpi_comm.hpp"

#include "comm/mpi/check.hpp"

#include <exception>
#include <utility>

namespace sibp {

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
