#include "sibp/core/watchdog.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/failure_handler.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/process.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>

#include <unistd.h>

namespace sibp {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Seconds that an activity may take. Large files take long to read and to write, and the other ranks wait meanwhile.
double stall_limit(Activity activity, double limit) {
  const bool uses_files = activity == Activity::data || activity == Activity::checkpoint;
  return uses_files ? 4 * limit : limit;
}

/// Does something that may block for ever where a pipe is full or a file system hangs, and waits for it so long only.
void try_for(double seconds, const std::function<void()>& action) {
  try {
    auto done = std::make_shared<std::promise<void>>();
    std::thread([action, done] {
      action();
      done->set_value();
    }).detach();
    done->get_future().wait_for(std::chrono::duration<double>(seconds));
  } catch (...) {
    // No thread to be had: the message is lost, the end is not.
  }
}

void print(const std::string& message) {
  const std::string line = "sibp_dist: " + message + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string in_seconds(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", seconds);
  return text;
}

}  // namespace

Watchdog::Watchdog(double seconds) : limit_(seconds), thread_([this] { watch(); }) {
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Watchdog::set_limit(double seconds) {
  {
    const std::lock_guard lock(mutex_);
    limit_ = seconds;
  }
  changed_.notify_one();
}

void Watchdog::set_rank(int rank, int ranks) {
  const std::lock_guard lock(mutex_);
  rank_ = "rank " + std::to_string(rank) + " of " + std::to_string(ranks) + " on ";
}

std::string Watchdog::who() const {
  return "[" + rank_ + host_name() + "] ";
}

void Watchdog::watch() {
  constexpr double patience = 2;  // seconds for the last message
  std::unique_lock lock(mutex_);
  Beat seen = last_beat();
  double idle = 0;
  bool warned = false;
  while (!ended_) {
    const double nap = limit_ > 0 ? std::clamp(limit_ / 50, 0.01, 1.0) : 1.0;
    const auto start = Clock::now();
    changed_.wait_for(lock, std::chrono::duration<double>(nap));
    // A process that was suspended has not stalled: a nap that took much longer counts as a nap.
    idle += std::min(seconds_since(start), 2 * nap);
    const Beat now = last_beat();
    if (now.count != seen.count || limit_ <= 0) {
      seen = now;
      idle = 0;
      warned = false;
      continue;
    }
    const double limit = stall_limit(now.activity, limit_);
    const std::string place = who() + "no progress for " + in_seconds(idle) + " in " + text_of(now);
    if (idle >= limit) {
      const std::string message = place + "; ended by the stall timeout of " + in_seconds(limit_) +
                                  ": a rank, a node or a file system does not answer; a run that keeps checkpoints "
                                  "can go on from the last one";
      try_for(patience, [message] {
        print("error: " + message);
        call_failure_handler(ExitStatus::stalled, message);
      });
      ::_exit(static_cast<int>(ExitStatus::stalled));
    }
    if (idle >= limit / 10 && !warned) {
      warned = true;
      try_for(patience, [place, limit] { print("warning: " + place + "; at " + in_seconds(limit) + " it ends"); });
    }
  }
}

}  // namespace sibp
