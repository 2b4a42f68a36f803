#pragma once

#include <mpi.h>

namespace sibp {

/// Owns an MPI communicator whose errors are returned rather than fatal, so that check() sees them. May be empty.
class MpiComm {
 public:
  MpiComm() = default;
  /// Takes `owned` over; MPI_COMM_NULL makes it empty. Local.
  explicit MpiComm(MPI_Comm owned);
  MpiComm(MpiComm&& other) noexcept;
  MpiComm& operator=(MpiComm&& other) noexcept;
  /// Collective, but for the end of a rank by an exception.
  ~MpiComm();

  [[nodiscard]] MPI_Comm get() const { return comm_; }
  [[nodiscard]] bool empty() const { return comm_ == MPI_COMM_NULL; }
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 0;
};

/// The same ranks again, with messages of their own. Collective.
MpiComm duplicate(MPI_Comm ranks);
/// The ranks of one colour, in the order they have in `ranks`; none for the colour MPI_UNDEFINED. Collective.
MpiComm split(MPI_Comm ranks, int colour);
/// Those that can share memory with this one. Collective.
MpiComm split_into_nodes(MPI_Comm ranks);

}  // namespace sibp
