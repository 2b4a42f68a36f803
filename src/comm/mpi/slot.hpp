#pragma once

#include "comm/mpi/staged_sum.hpp"

namespace sibp {

/// A slot for collectives on matrices that travel in the format of the channel's wire. If they travel as bfloat16, what
/// one rank gathers from another, and the sums that all ranks get, are rounded, and a rank's own part of them as well,
/// so that all have the same. All-reduces go through `channel` and are among `sums` while under way; `backend` counts
/// and polls. All outlive the slot. Local.
std::unique_ptr<CollectiveSlot> make_mpi_slot(const MpiComm& ranks, const SumChannel& channel, SumsUnderWay& sums,
                                              CommunicatorBackend& backend);

}  // namespace sibp
