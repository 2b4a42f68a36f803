#pragma once

#include <functional>

#include <cuda_runtime_api.h>

/// The emulation of CUDA's streams that stands in for a GPU in tests of the code around it. What is queued is done as
/// late as CUDA may do it: when an event behind it is waited for, or memory is freed. So a result that is read too
/// early, a buffer that is used again too early and a missing order between streams show, which on a GPU they do now
/// and then.
namespace sibp::emulation {

/// `work` goes to the end of the stream.
void queue(cudaStream_t stream, std::function<void()> work);

/// Does all that is on the stream, and what that waits for on others.
void finish(cudaStream_t stream);

}  // namespace sibp::emulation
