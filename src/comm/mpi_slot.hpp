#pragma once

#include "comm/staged_sum.hpp"

namespace sibp {

/// A slot for collectives of the library on matrices as they are. `totals` counts bytes and seconds. Local.
std::unique_ptr<CollectiveSlot> make_mpi_slot(const MpiComm& ranks, CommunicatorBackend& totals);

/// The same on matrices that travel as bfloat16: what one rank gathers from another, and the sums that all ranks get,
/// are rounded, and a rank's own part of them as well, so that all have the same. All-reduces go through `channel` and
/// are among `sums` while under way.
std::unique_ptr<CollectiveSlot> make_bfloat16_slot(const MpiComm& ranks, const SumChannel& channel, SumsUnderWay& sums,
                                                   CommunicatorBackend& totals);

}  // namespace sibp
