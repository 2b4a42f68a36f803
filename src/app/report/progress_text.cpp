// What progress looks like, apart from where it is shown.

#include "sibp/app/report/progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace sibp {
namespace {

/// The state's numbers, the most wanted first.
std::array<std::string, 4> numbers_of(const ProgressState& state) {
  return {fmt::format("{}/{}", state.step, state.steps), fmt::format("loss {:.4f}", state.loss),
          fmt::format("{} left", duration_text(state.seconds_left)),
          fmt::format("{:.0f} samples/s", state.samples_per_second)};
}

double share_done(const ProgressState& state) {
  if (state.steps <= 0) return 0;
  return std::clamp(static_cast<double>(state.step) / static_cast<double>(state.steps), 0.0, 1.0);
}

std::string measured_text(std::string_view set, const LossAndAccuracy& measured) {
  return fmt::format("  {} loss {:.4f} accuracy {:.2f} %", set, measured.loss, 100 * measured.accuracy);
}

}  // namespace

std::string duration_text(double seconds) {
  constexpr double most = 1e8;  // beyond this nobody waits
  if (!std::isfinite(seconds) || seconds < 0 || seconds > most) return "?";
  const auto whole = static_cast<Index>(std::lround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string bar_text(const ProgressState& state, int width) {
  constexpr std::size_t longest_bar = 30;
  constexpr std::size_t shortest_bar = 5;
  const auto columns = static_cast<std::size_t>(std::max(width, 0));
  std::string text = fmt::format("{:3.0f}%", std::floor(100 * share_done(state)));
  for (const std::string& number : numbers_of(state)) {
    if (text.size() + 2 + number.size() > columns) break;
    text += "  " + number;
  }
  if (text.size() > columns) return "";
  const std::size_t room = columns - text.size();
  if (room < shortest_bar + 3) return text;
  const std::size_t length = std::min(longest_bar, room - 3);
  const auto done = static_cast<std::size_t>(share_done(state) * static_cast<double>(length));
  return fmt::format("[{}{}] {}", std::string(done, '#'), std::string(length - done, '.'), text);
}

std::string state_text(const ProgressState& state) {
  const auto [steps, loss, left, speed] = numbers_of(state);
  return fmt::format("step {}  {}  {}  {}", steps, loss, speed, left);
}

std::string record_text(const MetricsRecord& record, Index steps) {
  std::string text = steps > 0 ? fmt::format("step {}/{}", record.step, steps) : fmt::format("step {}", record.step);
  text += fmt::format("  epoch {:.2f}", record.epoch);
  text += measured_text("train", record.train);
  if (record.validation) text += measured_text("validation", *record.validation);
  if (record.test) text += measured_text("test", *record.test);
  return text + fmt::format("  {:.0f} samples/s", record.samples_per_second);
}

}  // namespace sibp
