#pragma once

#include "sibp/comm/backend.hpp"

#include "comm/node/nodes.hpp"

#include <memory>

namespace sibp {

/// The collectives of MPI on matrices in host memory. Takes `owned` over; `split_into_nodes` is asked when the first
/// matrix to be summed is made, if ever. Collective.
std::shared_ptr<CommunicatorBackend> make_mpi_backend(MpiComm owned, const SumOptions& options,
                                                      SplitIntoNodes split_into_nodes);

}  // namespace sibp
