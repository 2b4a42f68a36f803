#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/device/device.hpp"

#include <map>
#include <string>

namespace sibp {

/// Matrices that should be equal on all ranks, by their names for people.
using Replicas = std::map<std::string, ConstMatrixView>;

/// Compares their checksums over ranks. Collective: one reduction, and more only if ranks differ. Throws AgreedError
/// (disagree) naming the matrix and the ranks that the majority is against, or all ranks where there is no majority;
/// `step` goes into the message.
void check_replicas(Device& device, const Communicator& communicator, const Replicas& replicas, Index step);

}  // namespace sibp
