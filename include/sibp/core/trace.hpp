#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace sibp {

/// What this process spends its time on, event by event, in the format of Chrome's trace viewer, which Perfetto reads.
/// Only one thread, the one that trains, adds events.
class Trace {
 public:
  using Clock = std::chrono::steady_clock;

  /// Keeps the events from now on, the first `most` of them; the memory is taken here. Local.
  static void start(std::size_t most);
  [[nodiscard]] static bool is_on() { return is_on_; }
  /// Ends it, and forgets the events. Local.
  static void stop();

  /// Something that one phase of a step has done. `name` is a constant of the program. Local.
  static void add_phase(const char* name, Clock::time_point begin, Clock::time_point end);
  /// A collective that has just ended, `hidden` seconds under other work and `exposed` seconds waited for. Local.
  static void add_collective(const char* name, double hidden, double exposed);

  /// The events as elements of a JSON array, with commas between; times are since start(). Local.
  [[nodiscard]] static std::string events(int rank);

 private:
  static bool is_on_;
};

}  // namespace sibp
