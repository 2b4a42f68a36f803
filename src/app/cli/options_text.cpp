// Options as text: --help, --version and config.ini.

#include "app/cli/options_text.hpp"

#include "sibp/app/cli/options.hpp"
#include "sibp/core/error.hpp"
#include "sibp/model/initialisation.hpp"

#include "app/cli/option_sources.hpp"

#include <sstream>
#include <utility>

#include <fmt/format.h>

namespace sibp {
Options with_absolute_paths(Options options) {
  const auto make_absolute = [](auto& path) {
    if (!path.empty()) path = std::filesystem::absolute(path).string();
  };
  DatasetOptions& data = options.data;
  make_absolute(data.data_dir);
  if (data.data_dir.empty()) {
    for (auto* file : {&data.train_images, &data.train_labels, &data.test_images, &data.test_labels})
      make_absolute(*file);
  }
  make_absolute(options.training.batch_list);
  if (!initialisation_from_text(options.initialisation)) make_absolute(options.initialisation);
  return options;
}

Usage usage_of(Command command) {
  switch (command) {
    case Command::train:
      return {"[train] [options]", "train a network"};
    case Command::evaluate:
      return {"evaluate RUN|FILE [options]", "loss and accuracy of a model on a split of the data"};
    case Command::predict:
      return {"predict RUN|FILE [options]", "class and probability of every sample, as CSV"};
    case Command::export_model:
      return {"export RUN|FILE --to onnx|torch", "a model for other programs"};
    case Command::plan:
      return {"plan [options]", "predicted time of a step on other machines"};
    case Command::checkpoint:
      return {"checkpoint ls|verify|show DIR", "the checkpoints of a run, or one of them"};
    case Command::watch:
      return {"watch RUN", "how far a run is, until it ends; alone, without mpirun"};
    case Command::doctor:
      return {"doctor", "what the ranks run on, and whether training works"};
    case Command::completion:
      return {"completion bash|zsh|fish", "a script that completes commands and options in a shell"};
    case Command::manual:
      return {"man", "the manual, for man -l -"};
  }
  return {};
}

const std::vector<StatusMeaning>& exit_status_meanings() {
  static const std::vector<StatusMeaning> meanings{
      {0, "done"},
      {1, "run-time error"},
      {2, "options"},
      {3, "data"},
      {4, "model or checkpoint"},
      {5, "diverged"},
      {6, "ranks disagree"},
      {75, "stalled or a rank was lost (try again)"},
      {85, "stopped on request (go on with --resume)"},
  };
  return meanings;
}

namespace {

std::string usage_line(std::string_view head, Command command) {
  const auto [call, what] = usage_of(command);
  return fmt::format("{}sibp_dist {:<32} {}\n", head, call, what);
}

}  // namespace

std::string help_text(std::optional<Command> command) {
  std::ostringstream text;
  if (command) {
    text << usage_line("Usage: ", *command) << describe_options(*command)
         << "\nsibp_dist help is about all commands.\n";
    return text.str();
  }
  for (const Command each : all_commands_in_order())
    text << usage_line(each == all_commands_in_order().front() ? "Usage: " : "       ", each);
  text << "       sibp_dist help COMMAND                     what means something to that command\n"
          "On N processes: mpirun -np N sibp_dist ...\n\n"
          "Options come from the command line, then from environment variables (SIBP_LOGICAL_SHARDS for\n"
          "--logical-shards), then from the file of --config, then from the preset, then from the defaults shown\n"
          "here.\n"
       << describe_options() << "\nExit statuses:\n";
  for (const auto& [status, meaning] : exit_status_meanings()) text << fmt::format("  {:<3} {}\n", status, meaning);
  return text.str();
}

std::optional<std::string> text_asked_for(const Options& options) {
  if (options.help) return help_text(options.names_command ? std::optional(options.command) : std::nullopt);
  if (options.version) return version_text();
  if (options.command == Command::completion) return completion_text(options.shell);
  if (options.command == Command::manual) return manual_text();
  return std::nullopt;
}

std::string version_text() {
  return "sibp_dist " SIBP_VERSION "\n";
}

std::string to_ini(const Options& options) {
  const Options absolute = with_absolute_paths(options);
  std::string text = "# sibp_dist " SIBP_VERSION ": the options of this run. To repeat it: sibp_dist --config FILE\n";
  std::string_view group;
  for (const OptionEntry& entry : option_table()) {
    if (!is_saved(entry, options)) continue;
    if (entry.group != group) text += fmt::format("\n# {}\n", entry.group);
    group = entry.group;
    if (const auto value = entry.binding.get(absolute)) {
      if (!survives_ini(*value)) {  // a path may have become so by being made absolute
        throw_usage_error(fmt::format(
            "--{}: found '{}', expected a value that config.ini can hold: no '#', no line break", entry.name, *value));
      }
      text += fmt::format("{} = {}\n", entry.name, *value);
    } else if (!entry.without_default.empty()) {
      text += fmt::format("# {}: {}\n", entry.name, entry.without_default);
    }
  }
  return text;
}

std::string rest_of_options(const Options& options) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {}", name_of(options.command), options.model.string(),
                     options.to ? static_cast<int>(*options.to) : -1, static_cast<int>(options.split),
                     name_of(options.views), options.predictions.string(), options.out.string(), options.describe,
                     options.resume, static_cast<int>(options.checkpoint_action), options.checkpoint_folder.string());
}

}  // namespace sibp
