#pragma once

#include "comm/mpi/staged_sum.hpp"

namespace sibp {

/// A slot for collectives of the library on matrices as they are. Local.
std::unique_ptr<CollectiveSlot> make_mpi_slot(const MpiComm& ranks, Traffic& traffic);

/// The same on matrices that travel as bfloat16: what one rank gathers from another, and the sums that all ranks get,
/// are rounded, and a rank's own part of them as well, so that all have the same. All-reduces go through `channel` and
/// are among `sums` while under way; `backend` counts and polls.
std::unique_ptr<CollectiveSlot> make_bfloat16_slot(const MpiComm& ranks, const SumChannel& channel, SumsUnderWay& sums,
                                                   CommunicatorBackend& backend);

}  // namespace sibp
