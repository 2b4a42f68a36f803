#pragma once

#include "comm/mpi/column_blocks.hpp"
#include "comm/mpi/mpi_comm.hpp"
#include "device/bfloat16.hpp"

#include <span>
#include <vector>

namespace sibp {

/// Brings every rank its block of the elements of all other ranks in bfloat16, so that it can add them up: what
/// MPI_Reduce_scatter would do, had it an exact addition of rounded numbers.
class Bfloat16Exchange {
 public:
  Bfloat16Exchange(int rank, int ranks);

  /// Sends block q of `rounded` to rank q, on every rank. `rounded` stays as it is until the exchange is over.
  /// Collective.
  void start(std::span<const Bfloat16> rounded, const ColumnBlocks& blocks, MPI_Comm ranks);
  /// Whether the blocks are there. Local.
  bool test();
  void wait();
  /// mine ← mine + the blocks of the other ranks, in their order. Local.
  void add_to(std::span<Real> mine) const;

 private:
  int rank_;
  ColumnBlocks sent_;      ///< nothing for this rank itself
  ColumnBlocks received_;  ///< nothing from this rank itself
  std::vector<Bfloat16> blocks_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

}  // namespace sibp
