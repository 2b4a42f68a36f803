// Collectives on matrices in memory that the ranks of a node share.
#pragma once

#include "comm/node/nodes.hpp"

namespace sibp {

/// A matrix in memory that the ranks of a node share, summed over all ranks of the job: each owner of a share adds it
/// up over the ranks of its node, in their order, exchanges it with its owners on other nodes, and all ranks of the
/// node copy it. Every sum is made once, or in the same way by all owners, so replicas are equal bit for bit. It is
/// among `sums` while under way; with a root that rank alone gets it; `backend` counts and polls.
///
/// Returns nothing, on every rank, if the system has no shared memory left somewhere. Collective.
std::unique_ptr<AllReduce> make_shared_matrix(MPI_Comm ranks, const Nodes& nodes, SumsUnderWay& sums,
                                              CommunicatorBackend& backend, Index rows, Index cols, Root root);

/// One matrix for all ranks of `node`, in memory that they share: each writes its columns to their place, and nothing
/// is copied. `backend` counts and polls. Returns nothing, on every rank, if the system has no shared memory
/// left. Collective.
std::unique_ptr<AllGather> make_shared_all_gather(MPI_Comm node, CommunicatorBackend& backend, Index elements);

}  // namespace sibp
