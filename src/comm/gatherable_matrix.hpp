#pragma once

#include "sibp/comm/backend.hpp"
#include "sibp/comm/gatherable_matrix.hpp"

#include <memory>

#include <mpi.h>

namespace sibp {

/// A matrix of at most `elements` elements on `device`, gathered by the library.
std::unique_ptr<GatherableMatrix> make_plain_gatherable(Device& device, std::unique_ptr<CollectiveSlot> slot, int rank,
                                                        Index elements);

/// One matrix for all ranks of `node`, in memory that they share: each writes its columns to their place, and nothing
/// is copied. `totals` counts bytes and seconds. Returns nothing, on every rank, if the system has no shared memory
/// left. Collective.
std::unique_ptr<GatherableMatrix> make_shared_gatherable(MPI_Comm node, CommunicatorBackend& totals, Index elements);

}  // namespace sibp
