#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/trainer/metrics.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

namespace sibp {

/// How far a run is.
struct ProgressState {
  Index step = 0;
  Index steps = 0;
  double loss = 0;
  double samples_per_second = 0;
  double seconds_left = 0;
};

/// Speed and time left, from the steps since the first one seen.
class Pace {
 public:
  /// The state after a step, `now` in seconds of a clock that never goes back.
  ProgressState after_step(Index step, Index steps, double loss, Index samples, double now);

 private:
  struct Start {
    double seconds;
    Index step;
    Index samples;
  };
  std::optional<Start> start_;
};

/// "12 s", "4:05" or "1:02:03". Local.
std::string duration_text(double seconds);

/// The state as a bar and numbers in at most `width` columns, without a line break; numbers that find no room are left
/// out from the end. Local.
std::string bar_text(const ProgressState& state, int width);

/// The state as a line of a log, without a line break. Local.
std::string state_text(const ProgressState& state);

/// A record as a line of a log, with what was measured on validation and test samples; `steps` of the run, 0 if they
/// are not known. Local.
std::string record_text(const MetricsRecord& record, Index steps);

/// The mode that `automatic` stands for: a bar if standard error is a terminal and no launcher stands between (under
/// mpirun and srun it says nothing about the user's terminal), lines otherwise. Other modes stay. Local.
ProgressMode resolve_progress(ProgressMode mode, bool is_terminal, bool has_launcher);

/// Where progress goes to.
struct ProgressOutput {
  std::ostream* stream = nullptr;
  std::function<int()> columns;     ///< of the terminal
  std::function<double()> seconds;  ///< a clock that never goes back
};

/// Seconds of the steady clock. Local.
double steady_seconds();

/// `stream`, the width of the terminal that it writes to by `descriptor` ($COLUMNS or 80 if it is none), and the steady
/// clock. Local.
ProgressOutput progress_output(std::ostream& stream, int descriptor);

/// Shows how far a run is. Local.
class ProgressDisplay {
 public:
  ProgressDisplay() = default;
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;
  virtual ~ProgressDisplay() = default;

  virtual void show(const ProgressState& state) = 0;
  virtual void show_record(const MetricsRecord& record) = 0;
};

/// A display in `mode`, which is not automatic; null for `none`. Local.
///
/// bar: one line, drawn at most ten times a second; evaluations stay above it. lines: every record, and a line when
/// nothing was shown for five seconds.
std::unique_ptr<ProgressDisplay> make_display(ProgressMode mode, ProgressOutput output);

/// Shows the progress of a training on rank 0 by make_display(); null for `none`. Local.
std::unique_ptr<TrainingObserver> make_progress(ProgressMode mode, ProgressOutput output);

}  // namespace sibp
