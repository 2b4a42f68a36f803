#include "device/cuda_profiler.hpp"

#include "sibp/core/phase_clock.hpp"

#include <nvtx3/nvToolsExt.h>

namespace sibp::cuda {
namespace {

/// Ends the range of the phase before and begins that of `phase`.
void show(Phase phase) {
  static bool is_open = false;
  if (is_open) nvtxRangePop();
  nvtxRangePushA(name_of(phase));
  is_open = true;
}

}  // namespace

void show_phases_in_profilers() {
  PhaseClock::tell(show);
}

}  // namespace sibp::cuda
