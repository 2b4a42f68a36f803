#include "sibp/app/report/progress.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace sibp {
namespace {

/// The run's steps, as far as they are known: a run that goes on tells of a record before its first step.
Index steps_known(const ProgressState& state, const MetricsRecord& record) {
  return record.is_final || state.steps > 0 ? std::max(state.steps, record.step) : 0;
}

class Bar final : public ProgressDisplay {
 public:
  explicit Bar(ProgressOutput output) : output_(std::move(output)) {}
  ~Bar() override {
    if (is_drawn_)
      *output_.stream << '\n' << std::flush;  // what follows, an error perhaps, begins on a line of its own
  }

  void show(const ProgressState& state) override {
    constexpr double seconds_between = 0.1;
    const double now = output_.seconds();
    state_ = state;
    if (is_drawn_ && state.step < state.steps && now - last_drawn_ < seconds_between) return;
    last_drawn_ = now;
    draw();
  }

  void show_record(const MetricsRecord& record) override {
    if (!record.validation && !record.test && !record.is_final) return;
    *output_.stream << clear_line << record_text(record, steps_known(state_, record)) << '\n';
    is_drawn_ = false;
    record.is_final || state_.steps == 0 ? void(output_.stream->flush()) : draw();
  }

 private:
  static constexpr std::string_view clear_line = "\r\x1b[K";

  void draw() {
    // The last column stays free: writing to it makes some terminals go to the next line.
    *output_.stream << clear_line << bar_text(state_, output_.columns() - 1) << std::flush;
    is_drawn_ = true;
  }

  ProgressOutput output_;
  ProgressState state_;
  double last_drawn_ = 0;
  bool is_drawn_ = false;
};

class Lines final : public ProgressDisplay {
 public:
  explicit Lines(ProgressOutput output) : output_(std::move(output)), last_shown_(output_.seconds()) {}

  void show(const ProgressState& state) override {
    constexpr double seconds_between = 5;
    state_ = state;
    if (output_.seconds() - last_shown_ >= seconds_between) write(state_text(state_));
  }

  void show_record(const MetricsRecord& record) override {
    std::string line = record_text(record, steps_known(state_, record));
    if (!record.is_final && state_.steps > 0) line += "  " + duration_text(state_.seconds_left) + " left";
    write(line);
  }

 private:
  void write(const std::string& line) {
    *output_.stream << line << '\n' << std::flush;
    last_shown_ = output_.seconds();
  }

  ProgressOutput output_;
  ProgressState state_;
  double last_shown_;
};

/// A display that is told of a training.
class Progress final : public TrainingObserver {
 public:
  Progress(std::unique_ptr<ProgressDisplay> display, std::function<double()> seconds)
      : display_(std::move(display)), seconds_(std::move(seconds)) {}

  void on_step(Index step, Index steps, double batch_loss, Index samples) override {
    display_->show(pace_.after_step(step, steps, batch_loss, samples, seconds_()));
  }
  void on_record(const MetricsRecord& record) override { display_->show_record(record); }

 private:
  std::unique_ptr<ProgressDisplay> display_;
  std::function<double()> seconds_;
  Pace pace_;
};

/// Columns of the terminal, of $COLUMNS, or 80.
int terminal_columns(int descriptor) {
  constexpr int usual = 80;
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* variable = std::getenv("COLUMNS");
  const std::string_view text = variable != nullptr ? variable : "";
  int columns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), columns);
  return error == std::errc() && columns > 0 ? columns : usual;
}

}  // namespace

ProgressState Pace::after_step(Index step, Index steps, double loss, Index samples, double now) {
  if (!start_) start_ = {now, step, samples};
  const double elapsed = now - start_->seconds;
  const auto steps_done = static_cast<double>(step - start_->step);
  const bool known = elapsed > 0 && steps_done > 0;
  return {.step = step,
          .steps = steps,
          .loss = loss,
          .samples_per_second = known ? static_cast<double>(samples - start_->samples) / elapsed : 0,
          .seconds_left = known ? elapsed / steps_done * static_cast<double>(steps - step)
                                : std::numeric_limits<double>::quiet_NaN()};
}

ProgressMode resolve_progress(ProgressMode mode, bool is_terminal, bool has_launcher) {
  if (mode != ProgressMode::automatic) return mode;
  return is_terminal && !has_launcher ? ProgressMode::bar : ProgressMode::lines;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

ProgressOutput progress_output(std::ostream& stream, int descriptor) {
  return {&stream, [descriptor] { return terminal_columns(descriptor); }, steady_seconds};
}

std::unique_ptr<ProgressDisplay> make_display(ProgressMode mode, ProgressOutput output) {
  require(mode != ProgressMode::automatic, "make_display needs a mode that resolve_progress gave");
  if (mode == ProgressMode::bar) return std::make_unique<Bar>(std::move(output));
  if (mode == ProgressMode::lines) return std::make_unique<Lines>(std::move(output));
  return nullptr;
}

std::unique_ptr<TrainingObserver> make_progress(ProgressMode mode, ProgressOutput output) {
  const auto seconds = output.seconds;
  auto display = make_display(mode, std::move(output));
  return display ? std::make_unique<Progress>(std::move(display), seconds) : nullptr;
}

}  // namespace sibp
