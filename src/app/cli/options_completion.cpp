// Scripts that complete commands and options in shells, from the table.

#include "sibp/app/cli/options.hpp"

#include "app/cli/option_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

std::vector<std::string_view> command_names() {
  std::vector<std::string_view> names{"help"};
  for (const Command command : all_commands_in_order()) names.push_back(name_of(command));
  return names;
}

/// The options of a command, as they are typed.
std::string options_of(Command command) {
  std::vector<std::string> names;
  for (const OptionEntry& entry : option_table())
    if (entry.commands.contains(command)) names.push_back(fmt::format("--{}", entry.name));
  return fmt::format("{}", fmt::join(names, " "));
}

/// Up to the first semicolon, without what shells would read in quotes.
std::string short_help(const OptionEntry& entry) {
  std::string text(entry.help.substr(0, entry.help.find(';')));
  std::erase_if(text, [](char c) { return c == '\'' || c == '[' || c == ']'; });
  return text;
}

std::string bash_text() {
  std::string cases;
  for (const Command command : all_commands_in_order())
    cases += fmt::format("    {}) options=\"{}\" ;;\n", name_of(command), options_of(command));
  return fmt::format(R"(# sibp_dist completion bash > ~/.local/share/bash-completion/completions/sibp_dist
_sibp_dist() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" commands="{}" command=train options word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case " $commands " in *" $word "*) command="$word"; break ;; esac
  done
  case "$command" in
{}    *) options="" ;;
  esac
  COMPREPLY=()
  if [[ "$current" == --* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  elif [[ "${{COMP_WORDS[COMP_CWORD-1]}}" == help ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  fi
}}
complete -o default -F _sibp_dist sibp_dist
)",
                     fmt::join(command_names(), " "), cases);
}

std::string zsh_text() {
  std::string cases;
  for (const Command command : all_commands_in_order()) {
    cases += fmt::format("    {}) _arguments -s", name_of(command));
    for (const OptionEntry& entry : option_table()) {
      if (!entry.commands.contains(command)) continue;
      const bool has_value = entry.place != Place::command_line;
      cases += fmt::format(" \\\n      '--{}[{}]{}'", entry.name, short_help(entry),
                           has_value ? fmt::format(":{}:_files", entry.value_name) : "");
    }
    cases += " '*: :_files' ;;\n";
  }
  return fmt::format(R"(#compdef sibp_dist
# sibp_dist completion zsh > a folder of $fpath, as _sibp_dist
_sibp_dist() {{
  local -a commands=({})
  local command=train word
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    if (( ${{commands[(Ie)$word]}} )); then command=$word; break; fi
  done
  if (( CURRENT == 2 )) && [[ "$words[2]" != -* ]]; then
    compadd -a commands
    return
  fi
  case "$command" in
{}  esac
}}
if [[ "$funcstack[1]" == _sibp_dist ]]; then _sibp_dist "$@"; else compdef _sibp_dist sibp_dist; fi
)",
                     fmt::join(command_names(), " "), cases);
}

std::string fish_text() {
  std::string text = "# sibp_dist completion fish > ~/.config/fish/completions/sibp_dist.fish\n";
  text += fmt::format("complete -c sibp_dist -n __fish_use_subcommand -a '{}'\n", fmt::join(command_names(), " "));
  for (const OptionEntry& entry : option_table()) {
    const std::string without_command = entry.commands.contains(Command::train) ? "__fish_use_subcommand; or " : "";
    text += fmt::format("complete -c sibp_dist -n '{}__fish_seen_subcommand_from {}' -l {} -d '{}'{}\n",
                        without_command, to_text(entry.commands), entry.name, short_help(entry),
                        entry.place == Place::command_line ? "" : " -r");
  }
  return text;
}

}  // namespace

std::string completion_text(Shell shell) {
  switch (shell) {
    case Shell::bash:
      return bash_text();
    case Shell::zsh:
      return zsh_text();
    case Shell::fish:
      return fish_text();
  }
  return "";
}

}  // namespace sibp
