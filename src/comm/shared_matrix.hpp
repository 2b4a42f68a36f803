#pragma once

#include "sibp/comm/backend.hpp"

#include <mpi.h>

namespace sibp {

/// A matrix in memory that the ranks of `node` share, summed by all of them together: each adds up its share of the
/// elements over all ranks, in the order of ranks, and all copy the shares of the others. Every element is added once,
/// on one rank, so replicas are equal bit for bit. `totals` counts bytes and seconds.
///
/// Returns nothing, on every rank, if the system has no shared memory left. Collective.
std::unique_ptr<ReducibleMatrix> make_shared_matrix(MPI_Comm node, CommunicatorBackend& totals, Index rows, Index cols);

}  // namespace sibp
