#include "app/cli/option_table.hpp"

#include "update/method_traits.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {

std::vector<OptionPart>& option_parts() {
  static std::vector<OptionPart> parts{append_data_options,       append_own_data_options, append_network_options,
                                       append_method_options,     append_update_options,   append_length_options,
                                       append_sum_options,        append_model_options,    append_plan_options,
                                       append_checkpoint_options, append_run_options};
  return parts;
}

const OptionTable& option_table() {
  static const OptionTable table = [] {
    OptionTable options;
    for (const OptionPart append : option_parts()) append(options);
    return options;
  }();
  return table;
}

const OptionEntry* find_option(std::string_view name) {
  const auto& table = option_table();
  const auto found = std::ranges::find(table, name, &OptionEntry::name);
  return found == table.end() ? nullptr : &*found;
}

bool is_of_method(const OptionEntry& entry, const MethodOptions& method) {
  return !entry.of_method || has_parameter(method, entry.name);
}

bool is_saved(const OptionEntry& entry, const Options& options) {
  return entry.place == Place::saved && (entry.dataset.empty() || entry.dataset == options.data.dataset) &&
         is_of_method(entry, options.training.method) && (!entry.of_convolutions || options.may_convolve);
}

std::string_view name_of(Command command) {
  switch (command) {
    case Command::train:
      return "train";
    case Command::evaluate:
      return "evaluate";
    case Command::predict:
      return "predict";
    case Command::export_model:
      return "export";
    case Command::plan:
      return "plan";
    case Command::checkpoint:
      return "checkpoint";
    case Command::watch:
      return "watch";
    case Command::doctor:
      return "doctor";
    case Command::completion:
      return "completion";
    case Command::manual:
      return "man";
  }
  return "unknown";
}

const std::vector<Command>& all_commands_in_order() {
  static const std::vector<Command> commands{
      Command::train,      Command::evaluate, Command::predict, Command::export_model, Command::plan,
      Command::checkpoint, Command::watch,    Command::doctor,  Command::completion,   Command::manual};
  return commands;
}

std::string to_text(const Commands& commands) {
  std::vector<std::string_view> names;
  for (const Command command : all_commands_in_order())
    if (commands.contains(command)) names.push_back(name_of(command));
  return fmt::format("{}", fmt::join(names, " "));
}

bool survives_ini(std::string_view value) {
  constexpr std::string_view blanks = " \t\r\n";
  return value.find_first_of("#\r\n") == std::string_view::npos &&
         (value.empty() || (blanks.find(value.front()) == std::string_view::npos &&
                            blanks.find(value.back()) == std::string_view::npos));
}

}  // namespace sibp
