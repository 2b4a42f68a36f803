#include "app/option_sources.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <sstream>
#include <system_error>

#include <boost/program_options/parsers.hpp>
#include <fmt/format.h>

namespace sibp {
namespace {

namespace po = boost::program_options;

constexpr std::string_view variable_prefix = "SIBP_";

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

Command command_from_name(const std::string& name) {
  for (const Command command : {Command::train, Command::evaluate, Command::predict, Command::plan, Command::doctor}) {
    if (name == name_of(command)) return command;
  }
  throw_usage_error(fmt::format(
      "found '{}', expected an option or one of the commands train, evaluate, predict, plan, doctor", name));
}

/// Boost's complaint in our words. Its text names the option in several ways; error_with_option_name knows it.
[[noreturn]] void throw_form_error(const po::error& error) {
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&error)) {
    throw_usage_error(fmt::format("{}: unknown option; sibp_dist --help lists them all", unknown->get_option_name()));
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
  std::optional<std::string> command;
  for (const po::option& option : parse_words(argc, argv).options) {
    if (option.position_key >= 0) {
      const std::string& word = option.value.front();
      if (command)
        throw_usage_error(fmt::format("found '{}' after the command {}, expected an option", word, *command));
      line.command = command_from_name(word);
      command = word;
    } else {
      add(line.source,
          {find_option(option.string_key), option.value.empty() ? "" : option.value.front(), "--" + option.string_key});
    }
  }
  return line;
}

Source read_environment(const Environment& environment) {
  Source source;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(variable_prefix)) continue;
    const auto& table = option_table();
    const auto entry = std::ranges::find_if(table, [&](const OptionEntry& e) { return variable_name(e.name) == name; });
    if (entry == table.end()) {
      throw_usage_error(fmt::format("{}: no option has this environment variable; sibp_dist --help lists them", name));
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
void refuse_headings(const std::string& content, const std::filesystem::path& path) {
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] != '[') continue;
    throw_usage_error(fmt::format("config file {}: found the heading '{}', expected option = value; remove headings",
                                  path.string(), line.substr(first)));
  }
}

}  // namespace

Source read_config_file(const std::filesystem::path& path, const std::string& config_label) {
  Source source;
  try {
    const std::string content = read_file(path);
    refuse_headings(content, path);
    std::istringstream text(content);
    for (const po::option& option : po::parse_config_file(text, describe_options(), true).options) {
      const std::string label = fmt::format("config file {}: {}", path.string(), option.string_key);
      const OptionEntry* entry = find_option(option.string_key);
      if (entry == nullptr)
        throw_usage_error(fmt::format("{}: unknown option; sibp_dist --help lists them all", label));
      if (entry->place == Place::command_line || entry->place == Place::outside_file) {
        throw_usage_error(fmt::format("{}: this option cannot be given in a file", label));
      }
      add(source, {entry, option.value.empty() ? "" : option.value.front(), label});
    }
  } catch (const std::system_error& error) {
    throw_usage_error(fmt::format("{}: {}", config_label, error.what()));
  } catch (const po::invalid_config_file_syntax& error) {
    throw_usage_error(
        fmt::format("config file {}: found the line '{}', expected option = value", path.string(), error.tokens()));
  } catch (const po::error& error) {
    throw_usage_error(fmt::format("config file {}: {}", path.string(), error.what()));
  }
  return source;
}

namespace {

po::options_description make_description() {
  constexpr unsigned width = 110;
  const Options defaults;
  po::options_description all("", width);
  for (auto entry = option_table().begin(); entry != option_table().end();) {
    const std::string_view group = entry->group;
    po::options_description part(std::string(group), width);
    for (; entry != option_table().end() && entry->group == group; ++entry) {
      const std::string name(entry->name);
      if (entry->place == Place::command_line) {
        part.add_options()(name.c_str(), std::string(entry->help).c_str());
        continue;
      }
      const auto standard = entry->binding.get(defaults);
      auto* value = po::value<std::string>();
      value->value_name(std::string(entry->value_name));
      value->default_value("", standard.value_or(std::string(entry->without_default)));
      part.add_options()(name.c_str(), value, std::string(entry->help).c_str());
    }
    all.add(part);
  }
  return all;
}

}  // namespace

const po::options_description& describe_options() {
  static const po::options_description description = make_description();
  return description;
}

}  // namespace sibp
