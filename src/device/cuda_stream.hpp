#pragma once

#include "sibp/device/device.hpp"

#include <cuda_runtime_api.h>

namespace sibp::cuda {

/// The stream on which a device of make_cuda_device works, for who orders other streams by it. Throws Error (runtime)
/// for another device.
cudaStream_t stream_of(Device& device);

/// Makes the device's GPU that of the calling thread. Throws as stream_of does.
void make_current(Device& device);

}  // namespace sibp::cuda
