#pragma once

#include "sibp/core/trace.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <numeric>

namespace sibp {

/// What the seconds of a step are spent on.
enum class Phase : std::size_t { forward, backward, solve, communication, reading, other };

constexpr const char* name_of(Phase phase) {
  constexpr std::array names{"forward", "backward", "solve", "communication", "reading", "other"};
  return names.at(static_cast<std::size_t>(phase));
}

/// Splits wall-clock seconds over phases: at any time one phase runs; a Scope switches to another until it ends. The
/// trace gets every stretch of a phase.
class PhaseClock {
 public:
  static constexpr std::size_t phases = 6;

  /// Runs `phase` instead of the present one while it lives.
  class Scope {
   public:
    Scope(PhaseClock& clock, Phase phase) : clock_(clock), before_(clock.current_) { clock_.switch_to(phase); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { clock_.switch_to(before_); }

   private:
    PhaseClock& clock_;
    Phase before_;
  };

  /// Has every clock of the process tell a profiler's function which phase begins. Local.
  static void tell(void (*profiler)(Phase)) { profiler_ = profiler; }

  /// Seconds spent in `phase` since the start or the last reset().
  [[nodiscard]] double seconds(Phase phase) const { return seconds_[static_cast<std::size_t>(phase)]; }

  /// Seconds since the start or the last reset(), up to the last change of phase.
  [[nodiscard]] double total_seconds() const { return std::accumulate(seconds_.begin(), seconds_.end(), 0.0); }

  void reset() {
    seconds_.fill(0);
    since_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void switch_to(Phase phase) {
    const auto now = Clock::now();
    seconds_[static_cast<std::size_t>(current_)] += std::chrono::duration<double>(now - since_).count();
    if (Trace::is_on()) Trace::add_phase(name_of(current_), since_, now);
    if (profiler_ != nullptr) profiler_(phase);
    since_ = now;
    current_ = phase;
  }

  inline static void (*profiler_)(Phase) = nullptr;

  std::array<double, phases> seconds_{};
  Phase current_ = Phase::other;
  Clock::time_point since_ = Clock::now();
};

}  // namespace sibp
