#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/app/report/progress.hpp"
#include "sibp/app/report/summary.hpp"
#include "sibp/app/run/resume.hpp"
#include "sibp/app/run/run_folder.hpp"
#include "sibp/app/run/run_status.hpp"

#include <memory>
#include <optional>
#include <string>

namespace sibp {

/// What only rank 0 has: the run folder, its state for scripts, and those who watch the training. Local.
class RunOutput {
 public:
  /// Opens the folder that `from` goes on in, or claims a new one, and writes config.ini to it. Takes the lock out of
  /// `from`. Throws Error: usage if --out cannot be used, runtime if nothing can be written.
  RunOutput(const Options& options, const std::string& name, Resumption& from);

  TrainingObserver& observers();
  /// See MetricsWriter::flush.
  std::int64_t flush_metrics() { return writer_.flush(); }
  [[nodiscard]] RunFolder& folder() { return folder_; }
  [[nodiscard]] const std::string& run() const { return run_; }  ///< its name
  [[nodiscard]] RunStatus& status() { return *status_; }
  [[nodiscard]] PhaseSeconds mean_phases() const { return phases_.means(); }
  /// Ends the progress display.
  void finish() { progress_.reset(); }

 private:
  RunFolder folder_;
  std::string run_;
  std::shared_ptr<RunStatus> status_ = std::make_shared<RunStatus>(folder_.path(), run_);
  MetricsWriter writer_{folder_};
  StatusObserver steps_{*status_};
  PhaseMeans phases_;
  std::unique_ptr<TrainingObserver> progress_;
  std::optional<Observers> observers_;
};

}  // namespace sibp
