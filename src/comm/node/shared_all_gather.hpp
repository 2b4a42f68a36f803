#pragma once

#include "sibp/comm/backend.hpp"

#include <memory>

#include <mpi.h>

namespace sibp {

/// One matrix for all ranks of `node`, in memory that they share: each writes its columns to their place, and nothing
/// is copied. `backend` counts and polls. Returns nothing, on every rank, if the system has no shared memory
/// left. Collective.
std::unique_ptr<AllGather> make_shared_all_gather(MPI_Comm node, CommunicatorBackend& backend, Index elements);

}  // namespace sibp
