#pragma once

#include "sibp/comm/communicator.hpp"

#include "comm/mpi/backend.hpp"

namespace sibp::testing_support {

/// All ranks of a test, told that `ranks_per_node` of them at a time are on a node of their own (the last may have
/// fewer), whatever machine they are on. Collective.
inline Communicator communicator_of_nodes(int ranks_per_node, const SumOptions& options) {
  const auto cut = [ranks_per_node](MPI_Comm ranks) {
    int rank = 0;
    MPI_Comm_rank(ranks, &rank);
    return split(ranks, rank / ranks_per_node);
  };
  return Communicator(make_mpi_backend(duplicate(MPI_COMM_WORLD), options, cut));
}

}  // namespace sibp::testing_support
