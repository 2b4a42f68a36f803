// The options of checkpoints, stops and faults.

#include "app/cli/option_bindings.hpp"

#include <array>

namespace sibp {
namespace {

constexpr std::string_view checkpoint_group = "Checkpoints, stops and faults (train)";

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr std::array units{Unit{"h", 3600}, Unit{"min", 60}, Unit{"s", 1}};

/// "200" steps, or a time: "30s", "10min", "2h".
Binding interval_binding() {
  const auto set = [](Options& options, const std::string& text) {
    CheckpointInterval& interval = options.guard.checkpoint_every;
    if (const auto steps = parse_number<Index>(text); steps && *steps >= 0) {
      interval = {.steps = *steps, .seconds = 0};
      return;
    }
    for (const Unit& unit : units) {
      if (!text.ends_with(unit.name)) continue;
      const auto count = parse_positive(std::string_view(text).substr(0, text.size() - unit.name.size()));
      if (!count) continue;
      interval = {.steps = 0, .seconds = *count * unit.seconds};
      return;
    }
    throw Unexpected{"a number of steps (200; 0: only at the end), or a time such as 30s, 10min or 2h"};
  };
  const auto get = [](const Options& options) -> std::optional<std::string> {
    const CheckpointInterval& interval = options.guard.checkpoint_every;
    if (interval.seconds <= 0) return fmt::format("{}", interval.steps);
    for (const Unit& unit : units) {
      const double count = interval.seconds / unit.seconds;
      if (count == std::floor(count)) return fmt::format("{}{}", count, unit.name);
    }
    return fmt::format("{}s", interval.seconds);
  };
  return {set, get};
}

/// A number from 0 on.
template <class Member>
Binding from_zero(Member member) {
  const auto set = [=](Options& options, const std::string& text) {
    const auto value = parse_number<double>(text);
    if (!value || !std::isfinite(*value) || *value < 0) throw Unexpected{"a number from 0 on"};
    member(options) = *value;
  };
  return {set, [=](const Options& options) { return number_text(member(options)); }};
}

}  // namespace

void append_checkpoint_options(OptionTable& table) {
  table.push_back(
      {.name = "checkpoint-every",
       .group = checkpoint_group,
       .value_name = "EVERY",
       .help = "steps (200) or time (30s, 10min, 2h) between checkpoints; one is written at the end as well",
       .binding = interval_binding(),
       .on_resume = OnResume::free});
  table.push_back({.name = "keep",
                   .group = checkpoint_group,
                   .value_name = "N",
                   .help = "checkpoints that are kept, the newest ones",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.guard.keep; }, 1),
                   .on_resume = OnResume::free});
  table.push_back({.name = "keep-best",
                   .group = checkpoint_group,
                   .value_name = "MEASURE",
                   .help =
                       "keep the checkpoint with the best value of an evaluation as well: none, validation_accuracy, "
                       "validation_loss",
                   .binding = choice_of([](auto& o) -> auto& { return o.guard.keep_best; },
                                        {Measure::none, Measure::validation_accuracy, Measure::validation_loss}),
                   .on_resume = OnResume::free});
  table.push_back({.name = "resume",
                   .group = checkpoint_group,
                   .value_name = "DIR",
                   .help =
                       "go on from the newest checkpoint of a run's folder, or from one checkpoint in a new folder; "
                       "auto: from that of --out, or start there",
                   .binding = text(
                       [](auto& o) -> auto& { return o.resume; }, "auto, or the folder of a run or of a checkpoint"),
                   .place = Place::outside_file,
                   .without_default = "none: start anew"});
  table.push_back({.name = "max-minutes",
                   .group = checkpoint_group,
                   .value_name = "X",
                   .help = "stop after so long with a checkpoint and status 85, as on a signal",
                   .binding = positive([](auto& o) -> auto& { return o.guard.max_minutes; }),
                   .place = Place::unsaved,
                   .without_default = "none"});
  table.push_back({.name = "check-every",
                   .group = checkpoint_group,
                   .value_name = "K",
                   .help = "steps between comparisons of the weights over ranks; 0: only before checkpoints",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.guard.check_every; }, 0),
                   .on_resume = OnResume::free});
  table.push_back({.name = "stall-timeout",
                   .group = checkpoint_group,
                   .value_name = "SECONDS",
                   .help =
                       "time without progress after which a rank ends with status 75; four times as long while data "
                       "are read and at the end of a checkpoint; 0: never",
                   .binding = from_zero([](auto& o) -> auto& { return o.guard.stall_timeout; }),
                   .commands = all_commands,
                   .on_resume = OnResume::free});
}

}  // namespace sibp
