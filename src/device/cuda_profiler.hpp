#pragma once

namespace sibp::cuda {

/// From now on NVIDIA's profilers show the phases of the calling process's steps as NVTX ranges; without a profiler a
/// change of phase costs a function call. Local.
void show_phases_in_profilers();

}  // namespace sibp::cuda
