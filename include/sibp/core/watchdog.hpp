#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace sibp {

/// Ends this process with status 75 (stalled) when it has not come on for too long: a peer was lost, a collective does
/// not end, a file system hangs. It watches the beats of core/heartbeat.hpp from a thread of its own, so it is made
/// before MPI starts and calls nothing of MPI; it ends the process by _exit, since nothing can be cleaned up then.
///
/// A message names this rank, its host and its place (phase, step, layer), first as a warning after a tenth of the
/// limit. Reading data and writing a checkpoint may take longer than a step: see stall_limit().
class Watchdog {
 public:
  static constexpr double default_seconds = 600;

  /// Starts to watch with this limit.
  explicit Watchdog(double seconds = default_seconds);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  /// The limit from now on; 0: none. Local.
  void set_limit(double seconds);
  /// The rank for messages; before, it is left out. Local.
  void set_rank(int rank, int ranks);

 private:
  void watch();
  [[nodiscard]] std::string who() const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  double limit_;
  std::string rank_;
  bool ended_ = false;
  std::thread thread_;  // last: it uses what is above
};

}  // namespace sibp
