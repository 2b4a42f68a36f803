#pragma once

#include "sibp/comm/communicator.hpp"

#include <string>

namespace sibp {

/// The ranks of `world`, each with a GPU of its own: matrices, which are in the GPU's memory, go over NCCL, and host
/// memory goes as in `world`. `device` is of make_cuda_device, and outlives the communicator. Collective.
///
/// A collective runs on a stream of its own, after what the device was asked for before it; wait() lets the device's
/// later operations begin after it and returns at once. poll() throws Error when a rank is lost: `stalled` if a
/// collective gets nowhere for `patience` seconds (0: as long as it takes) or the network fails. Nothing is heard of
/// ranks while nobody polls: give poll() to Device::set_progress. Traffic has no seconds of its collectives.
///
/// Throws Error (runtime) in a build without GPU support, or if NCCL does not start.
Communicator make_gpu_communicator(const Communicator& world, Device& device, double patience);

/// The library that does it, for people; empty in a build without GPU support. Local.
std::string gpu_communication_library();

}  // namespace sibp
