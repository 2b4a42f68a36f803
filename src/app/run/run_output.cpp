#include "app/run/run_output.hpp"

#include "sibp/core/failure_handler.hpp"

#include <iostream>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace sibp {
namespace {

/// status.json is at most 5 s old: this leaves time for writing it.
constexpr std::chrono::seconds status_period{3};

RunFolder open_folder(const Options& options, const std::string& name, Resumption& from) {
  if (from.folder.empty()) return RunFolder::claim(options.out, name);
  CheckpointFolder checkpoints(from.folder / RunFolder::checkpoints_name);
  if (from.newest) {
    for (const Index step : from.newest->damaged) checkpoints.set_aside(step);
  }
  checkpoints.clean_up();
  return RunFolder::reopen(from.folder, std::move(*from.lock),
                           from.newest ? from.newest->checkpoint.run.metrics_bytes : 0);
}

/// The step that metrics.jsonl ends with.
Index last_record(const Resumption& from) {
  if (!from.newest) return 0;
  const TrainingState& state = from.newest->checkpoint.state;
  return state.step - state.interval.steps;
}

}  // namespace

RunOutput::RunOutput(const Options& options, const std::string& name, Resumption& from)
    : folder_(open_folder(options, name, from)),
      run_(from.run.empty() ? new_run_name() : from.run),
      phases_(last_record(from)) {
  folder_.write("config.ini", to_ini(options));
  spdlog::info("results go to {}", folder_.path().string());
  const auto mode = resolve_progress(options.progress, ::isatty(STDERR_FILENO) == 1, options.has_launcher);
  progress_ = make_progress(mode, progress_output(std::cerr, STDERR_FILENO));
  if (from.newest) {
    status_->set_progress({.step = from.newest->checkpoint.state.step});
    const Best& best = from.newest->checkpoint.state.best;
    if (best.measure == options.guard.keep_best) status_->set_best(best);
    if (!from.folder.empty()) status_->checkpoint_written(from.newest->path);
  }
  status_->running();
  status_->refresh_every(status_period);
  set_failure_handler([status = status_](ExitStatus end, const std::string& message) { status->ended(end, message); });
}

TrainingObserver& RunOutput::observers() {
  return observers_.emplace(std::vector<TrainingObserver*>{&writer_, &phases_, &steps_, progress_.get()});
}

}  // namespace sibp
