// The manual in the language of man, from the table.
#include "app/cli/option_table.hpp"
#include "app/cli/options_text.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

/// Text as it is: no character of it means anything to man.
std::string plain(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else if (c == '\'') {
      escaped += "\\(aq";
    } else {
      escaped += c;
    }
  }
  return escaped.starts_with('.') ? "\\&" + escaped : escaped;
}

std::string entry_text(std::string_view head, std::string_view text) {
  return fmt::format(".TP\n{}\n{}\n", head, text);
}

std::string option_text(const OptionEntry& entry) {
  std::string head = fmt::format("\\fB\\-\\-{}\\fR", plain(entry.name));
  if (entry.place == Place::command_line) return entry_text(head, plain(entry.help));
  head += fmt::format(" \\fI{}\\fR", plain(entry.value_name));
  const std::string standard = entry.binding.get(Options()).value_or(std::string(entry.without_default));
  std::string text = plain(entry.help);
  if (!standard.empty()) text += fmt::format(". Default: {}.", plain(standard));
  return entry_text(head, text + fmt::format("\nMeans something to: {}.", plain(to_text(entry.commands))));
}

std::string commands_text() {
  std::string text = ".SH COMMANDS\n";
  for (const Command command : all_commands_in_order()) {
    const auto [call, what] = usage_of(command);
    text += entry_text(fmt::format("\\fBsibp_dist\\fR {}", plain(call)), plain(what));
  }
  return text + entry_text("\\fBsibp_dist help\\fR COMMAND", "what means something to that command");
}

std::string options_text() {
  std::string text = ".SH OPTIONS\n";
  std::string_view group;
  for (const OptionEntry& entry : option_table()) {
    if (entry.group != group) text += fmt::format(".SS {}\n", plain(entry.group));
    group = entry.group;
    text += option_text(entry);
  }
  return text;
}

}  // namespace

std::string manual_text() {
  std::string text = fmt::format(
      ".\\\" -*- coding: utf-8 -*-\n.TH SIBP_DIST 1 \"\" \"sibp_dist {}\" \"User Commands\"\n"
      ".SH NAME\nsibp_dist \\- distributed training by semi\\-implicit back propagation\n"
      ".SH SYNOPSIS\n.B sibp_dist\n[\\fIcommand\\fR] [\\fIoptions\\fR]\n.PP\n"
      "\\fBmpirun \\-np\\fR \\fIN\\fR \\fBsibp_dist\\fR [\\fIcommand\\fR] [\\fIoptions\\fR]\n",
      SIBP_VERSION);
  text += commands_text() + options_text();
  text +=
      ".SH ENVIRONMENT\nEvery option has a variable, SIBP_LOGICAL_SHARDS for \\-\\-logical\\-shards. The command line "
      "comes before variables,\nvariables before the file of \\-\\-config, the file before the preset, the preset "
      "before "
      "the defaults.\n.SH EXIT STATUS\n";
  for (const auto& [status, meaning] : exit_status_meanings())
    text += entry_text(fmt::to_string(status), plain(meaning));
  return text;
}

}  // namespace sibp
