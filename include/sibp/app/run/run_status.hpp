#pragma once

#include "sibp/app/report/progress.hpp"
#include "sibp/core/error.hpp"
#include "sibp/core/types.hpp"
#include "sibp/trainer/best.hpp"
#include "sibp/trainer/metrics.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace sibp {

/// Keeps status.json in a run's folder: what became of the run, for scripts, as launchers report one and the same end
/// with different statuses. An object with the keys
///
///   state        "running", "done", "stopped" or "failed"; a run that was killed leaves "running" behind
///   exit_status  of the program; null while it runs
///   step         updates done
///   steps        updates of the whole run; null before the first step, as the three that follow
///   batch_loss   of the last step
///   samples_per_second, seconds_left
///   message      for people
///   checkpoint   the folder of the last one that is whole, from the run's folder; null if there is none
///   best         where --keep-best is given: measure, value, step and checkpoint of the best; null before the first
///   run          the name of the run, which its checkpoints bear as well
///   host, process, time
///
/// Written whole or not at all. Its functions may be called from any thread, and throw nothing: a full disk must not
/// hide the error that is to be written down.
class RunStatus {
 public:
  explicit RunStatus(std::filesystem::path folder, std::string run = {});

  void running();
  void checkpoint_written(const std::filesystem::path& checkpoint);
  /// Noted at the next of these calls.
  void set_best(const Best& best);
  void ended(ExitStatus status, const std::string& message);
  /// Noted at the next of these calls, or when it is refreshed. Waits for no file.
  void set_progress(const ProgressState& progress);
  /// Writes the file in the background, every `period` from now until the run has ended.
  void refresh_every(std::chrono::milliseconds period);

 private:
  [[nodiscard]] std::string text() const;
  void write();

  std::filesystem::path folder_;
  std::string run_;
  std::mutex writing_;        ///< one file after the other, the newest state last
  mutable std::mutex mutex_;  ///< of what follows
  ProgressState progress_;
  std::string state_ = "running";
  std::string message_;
  int exit_status_ = -1;  ///< −1: none yet
  std::string checkpoint_;
  Best best_;
  std::condition_variable_any wake_;
  std::jthread refresher_;  ///< last: it uses all of the above
};

/// What a run wrote down of itself in its status.json.
struct WrittenStatus {
  std::string run;         ///< its name; empty in those of version 0.1
  std::string state;       ///< as above; empty: none
  std::string checkpoint;  ///< the folder of its last one, from the run's folder; empty: none
  ProgressState progress;  ///< with 0 steps where it holds none
  std::optional<int> exit_status;
  std::string message;
  std::string host;
  std::int64_t process = 0;  ///< its id on that host; 0: not known
};

/// Reads a run's status.json. Local. Nothing if there is none. Throws Error (model) naming the file if it is not as
/// RunStatus writes it, Error (runtime) if it cannot be read.
std::optional<WrittenStatus> read_status(const std::filesystem::path& folder);

/// A name for a run that no other has: 32 hexadecimal digits. Local.
std::string new_run_name();

/// Tells a status of every step.
class StatusObserver final : public TrainingObserver {
 public:
  explicit StatusObserver(RunStatus& status) : status_(&status) {}
  void on_step(Index step, Index steps, double batch_loss, Index samples) override {
    status_->set_progress(pace_.after_step(step, steps, batch_loss, samples, steady_seconds()));
  }
  void on_record(const MetricsRecord&) override {}

 private:
  RunStatus* status_;
  Pace pace_;
};

}  // namespace sibp
