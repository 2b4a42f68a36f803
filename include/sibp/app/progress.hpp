#pragma once

#include "sibp/app/options.hpp"
#include "sibp/trainer/metrics.hpp"

#include <functional>
#include <memory>
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

/// "12 s", "4:05" or "1:02:03". Local.
std::string duration_text(double seconds);

/// The state as a bar and numbers in at most `width` columns, without a line break; numbers that find no room are left
/// out from the end. Local.
std::string bar_text(const ProgressState& state, int width);

/// The state as a line of a log, without a line break. Local.
std::string state_text(const ProgressState& state);

/// A record as a line of a log, with what was measured on validation and test samples. Local.
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

/// Standard error, its terminal's width ($COLUMNS or 80 if it is none), and the steady clock. Local.
ProgressOutput standard_progress_output();

/// Whether standard error is a terminal, as far as this process can see. Local.
bool stderr_is_terminal();

/// Shows the progress of a training on rank 0 in `mode`, which is not automatic; null for `none`. Local.
///
/// bar: one line, drawn at most ten times a second; evaluations stay above it. lines: every record, and a line when
/// nothing was shown for five seconds.
std::unique_ptr<TrainingObserver> make_progress(ProgressMode mode, ProgressOutput output);

}  // namespace sibp
