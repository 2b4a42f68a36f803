#include "sibp/core/heartbeat.hpp"

#include <array>
#include <atomic>

namespace sibp {
namespace {

/// Written by the thread that trains, read by the watchdog's. A reader may see parts of two beats; what it tells people
/// is then a moment old, and the count, which alone decides, is right.
struct Place {
  std::atomic<std::uint64_t> count{0};
  std::atomic<int> activity{static_cast<int>(Activity::start)};
  std::atomic<Index> step{0};
  std::atomic<Index> layer{0};
};

Place place;

}  // namespace

void beat(Activity activity, Index step, Index layer) {
  constexpr auto relaxed = std::memory_order_relaxed;
  place.activity.store(static_cast<int>(activity), relaxed);
  place.step.store(step, relaxed);
  place.layer.store(layer, relaxed);
  note_progress();
}

void note_progress() {
  place.count.fetch_add(1, std::memory_order_release);
}

Beat last_beat() {
  constexpr auto relaxed = std::memory_order_relaxed;
  const std::uint64_t count = place.count.load(std::memory_order_acquire);
  return {count, static_cast<Activity>(place.activity.load(relaxed)), place.step.load(relaxed),
          place.layer.load(relaxed)};
}

std::string text_of(const Beat& beat) {
  constexpr std::array names{"start", "data", "calibration", "step", "evaluation", "checkpoint", "end"};
  std::string text = names.at(static_cast<std::size_t>(beat.activity));
  if (beat.step > 0) text += (beat.activity == Activity::step ? " " : " at step ") + std::to_string(beat.step);
  if (beat.layer > 0) text += ", layer " + std::to_string(beat.layer);
  return text;
}

}  // namespace sibp
