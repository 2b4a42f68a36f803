#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <string>

namespace sibp {

/// What a rank is doing, as the watchdog tells it.
enum class Activity : int { start, data, calibration, step, evaluation, checkpoint, end };

/// The last progress of this process.
struct Beat {
  std::uint64_t count = 0;  ///< grows with every beat
  Activity activity = Activity::start;
  Index step = 0;   ///< the step under way or the last one, from 1; 0: none
  Index layer = 0;  ///< from 1; 0: none in particular
};

/// Records that this process has reached `activity` at that step and layer. Costs a few stores. Local.
void beat(Activity activity, Index step = 0, Index layer = 0);
/// Records progress at the same place: a part of long work is done. Local.
void note_progress();

/// The last beat. Any thread may ask. Local.
Beat last_beat();

/// "step 12, layer 2". Local.
std::string text_of(const Beat& beat);

}  // namespace sibp
