#include "app/cli/option_sources.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/words.hpp"

#include "app/cli/option_toml.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <system_error>

#include <boost/program_options/parsers.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

namespace po = boost::program_options;

constexpr std::string_view variable_prefix = "SIBP_";
constexpr std::size_t largest_config = 1'000'000;  // bytes of a file of options; hundreds are usual

std::string variable_name(std::string_view option) {
  std::string name(variable_prefix);
  for (const char c : option) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

void add(Source& source, Given given) {
  if (std::ranges::any_of(source, [&](const Given& earlier) { return earlier.entry == given.entry; })) {
    throw_usage_error(fmt::format("{}: given twice, expected once", given.label));
  }
  source.push_back(std::move(given));
}

/// "; did you mean --hidden?" or nothing.
std::string meant_option(std::string_view name, std::string_view prefix) {
  std::vector<std::string_view> names;
  for (const OptionEntry& entry : option_table()) names.push_back(entry.name);
  return did_you_mean(name, names, prefix);
}

Command command_from_name(const std::string& name) {
  std::vector<std::string_view> names{"help"};
  for (const Command command : all_commands_in_order()) {
    if (name == name_of(command)) return command;
    names.push_back(name_of(command));
  }
  throw_usage_error(fmt::format("found '{}', expected an option or one of the commands {}{}", name,
                                fmt::join(names, ", "), did_you_mean(name, names)));
}

Shell shell_from_name(const std::string& name) {
  if (name == "bash") return Shell::bash;
  if (name == "zsh") return Shell::zsh;
  if (name == "fish") return Shell::fish;
  throw_usage_error(fmt::format("completion: found '{}', expected bash, zsh or fish", name));
}

CheckpointAction action_from_name(const std::string& name) {
  if (name == "ls") return CheckpointAction::list;
  if (name == "verify") return CheckpointAction::verify;
  if (name == "show") return CheckpointAction::show;
  throw_usage_error(fmt::format("checkpoint: found '{}', expected ls, verify or show and a folder", name));
}

/// The words of the command line that are no options: a command and what it is about. `help` stands before the command
/// that it is wanted of.
void take_words(std::vector<std::string> words, CommandLine& line) {
  if (!words.empty() && words[0] == "help") {
    line.help = true;
    std::erase(words, "help");
  }
  if (words.empty()) return;
  line.command = command_from_name(words[0]);
  line.names_command = true;
  if (line.help) return;
  std::size_t taken = 1;
  if (find_option("model")->commands.contains(line.command) && words.size() > 1) {
    taken = 2;
    add(line.source, {find_option("model"), words[1], fmt::format("the model after {}", words[0])});
  }
  if (line.command == Command::completion) {
    taken = 2;
    if (words.size() < taken) throw_usage_error("completion: expected bash, zsh or fish");
    line.shell = shell_from_name(words[1]);
  }
  if (line.command == Command::checkpoint) {
    taken = 3;
    if (words.size() < taken)
      throw_usage_error("checkpoint: expected ls, verify or show and the folder of a run or of a checkpoint");
    line.checkpoint_action = action_from_name(words[1]);
    line.checkpoint_folder = words[2];
  }
  if (line.command == Command::watch) {
    taken = 2;
    if (words.size() < taken) throw_usage_error("watch: expected the folder of a run");
    line.watched = words[1];
  }
  if (words.size() > taken)
    throw_usage_error(fmt::format("found '{}' after the command {}, expected an option", words[taken], words[0]));
}

/// Boost's complaint in our words. Its text names the option in several ways; error_with_option_name knows it.
[[noreturn]] void throw_form_error(const po::error& error) {
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&error)) {
    const std::string name = unknown->get_option_name();
    const std::string_view letters = std::string_view(name).substr(std::min(name.find_first_not_of('-'), name.size()));
    throw_usage_error(
        fmt::format("{}: unknown option{}; sibp_dist --help lists them all", name, meant_option(letters, "--")));
  }
  if (const auto* form = dynamic_cast<const po::invalid_command_line_syntax*>(&error)) {
    const bool has_extra = form->kind() == po::invalid_syntax::extra_parameter;
    throw_usage_error(fmt::format("{}: {}", form->get_option_name(),
                                  has_extra ? "found a value, expected none" : "found no value, expected one"));
  }
  throw_usage_error(error.what());
}

po::parsed_options parse_words(int argc, const char* const* argv) {
  namespace style = po::command_line_style;
  try {
    return po::command_line_parser(argc, argv)
        .options(describe_options())
        .style(style::allow_long | style::long_allow_next | style::long_allow_adjacent)
        .run();
  } catch (const po::error& error) {
    throw_form_error(error);
  }
}

}  // namespace

CommandLine read_command_line(int argc, const char* const* argv) {
  CommandLine line;
  std::vector<const char*> arguments(argv, argv + argc);
  line.help = std::erase_if(arguments, [](std::string_view argument) { return argument == "-h"; }) > 0;
  std::vector<std::string> words;
  for (const po::option& option : parse_words(static_cast<int>(arguments.size()), arguments.data()).options) {
    if (option.position_key >= 0) {
      words.push_back(option.value.front());
    } else {
      const OptionEntry* entry = find_option(option.string_key);
      const std::string value(option.value.empty() ? std::string(entry->without_value) : option.value.front());
      add(line.source, {entry, value, "--" + option.string_key});
    }
  }
  line.help =
      line.help || std::ranges::any_of(line.source, [](const Given& given) { return given.entry->name == "help"; });
  take_words(words, line);
  return line;
}

Source read_environment(const Environment& environment, std::vector<std::string>& warnings) {
  Source source;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(variable_prefix)) continue;
    const auto& table = option_table();
    const auto entry =
        std::ranges::find_if(table, [&name = name](const OptionEntry& e) { return variable_name(e.name) == name; });
    if (entry == table.end()) {
      std::vector<std::string> names;
      for (const OptionEntry& each : table) names.push_back(variable_name(each.name));
      warnings.push_back(fmt::format("{}: no option has this environment variable{}", name,
                                     did_you_mean(name, std::vector<std::string_view>(names.begin(), names.end()))));
      continue;
    }
    if (entry->place == Place::command_line) {
      throw_usage_error(fmt::format("{}: --{} can be given on the command line only", name, entry->name));
    }
    add(source, {&*entry, value, name});
  }
  return source;
}

namespace {

/// Boost's reader would put a heading's name before every option below it, and say that there is no such option.
void refuse_headings(const std::string& content, const std::string& name) {
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] != '[') continue;
    throw_usage_error(
        fmt::format("{}: found the heading '{}', expected option = value; remove headings", name, line.substr(first)));
  }
}

void add_from_file(Source& source, const std::string& option, std::string value, const std::string& name) {
  const std::string label = fmt::format("{}: {}", name, option);
  const OptionEntry* entry = find_option(option);
  if (entry == nullptr)
    throw_usage_error(
        fmt::format("{}: unknown option{}; sibp_dist --help lists them all", label, meant_option(option, "")));
  if (entry->place == Place::command_line || entry->place == Place::outside_file)
    throw_usage_error(fmt::format("{}: this option cannot be given in a file", label));
  add(source, {entry, std::move(value), label});
}

}  // namespace

Source read_toml_text(const std::string& text, const std::string& name) {
  Source source;
  for (auto& [option, value] : read_toml(text, name)) add_from_file(source, option, std::move(value), name);
  return source;
}

Source read_config_text(const std::string& text, const std::string& name) {
  if (text.size() > largest_config)
    throw_usage_error(fmt::format("{}: found {} bytes, expected at most {}", name, text.size(), largest_config));
  Source source;
  try {
    refuse_headings(text, name);
    std::istringstream lines(text);
    for (const po::option& option : po::parse_config_file(lines, describe_options(), true).options) {
      add_from_file(source, option.string_key, option.value.empty() ? "" : option.value.front(), name);
    }
  } catch (const po::invalid_config_file_syntax& error) {
    throw_usage_error(fmt::format("{}: found the line '{}', expected option = value", name, error.tokens()));
  } catch (const po::error& error) {
    throw_usage_error(fmt::format("{}: {}", name, error.what()));
  }
  return source;
}

Source read_config_file(const std::filesystem::path& path, const std::string& config_label) {
  const auto text = [&] {
    try {
      return read_file(path, largest_config);
    } catch (const std::system_error& error) {
      throw_usage_error(fmt::format("{}: {}", config_label, error.what()));
    }
  };
  const std::string name = fmt::format("config file {}", path.string());
  return path.extension() == ".toml" ? read_toml_text(text(), name) : read_config_text(text(), name);
}

namespace {

template <class Belongs>
po::options_description make_description(const Belongs& belongs) {
  constexpr unsigned width = 110;
  const Options defaults;
  po::options_description all("", width);
  for (auto entry = option_table().begin(); entry != option_table().end();) {
    const std::string_view group = entry->group;
    po::options_description part(std::string(group), width);
    for (; entry != option_table().end() && entry->group == group; ++entry) {
      if (!belongs(*entry)) continue;
      const std::string name(entry->name);
      if (entry->place == Place::command_line) {
        part.add_options()(name.c_str(), std::string(entry->help).c_str());
        continue;
      }
      const auto standard = entry->binding.get(defaults);
      auto* value = po::value<std::string>();
      value->value_name(std::string(entry->value_name));
      value->default_value("", standard.value_or(std::string(entry->without_default)));
      if (!entry->without_value.empty()) value->implicit_value(std::string(entry->without_value));
      part.add_options()(name.c_str(), value, std::string(entry->help).c_str());
    }
    if (!part.options().empty()) all.add(part);
  }
  return all;
}

}  // namespace

const po::options_description& describe_options() {
  static const po::options_description description = make_description([](const OptionEntry&) { return true; });
  return description;
}

po::options_description describe_options(Command command) {
  return make_description([&](const OptionEntry& entry) { return entry.commands.contains(command); });
}

}  // namespace sibp
