#pragma once

#include "app/cli/option_table.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <boost/program_options/options_description.hpp>

namespace sibp {

/// An option as the user gave it.
struct Given {
  const OptionEntry* entry = nullptr;
  std::string value;
  std::string label;  ///< "--eta", "SIBP_ETA", "config file X: eta" or "preset X: eta", for messages
};

using Source = std::vector<Given>;

struct CommandLine {
  Command command = Command::train;
  bool names_command = false;
  bool help = false;  ///< the word help, or -h
  Shell shell = Shell::bash;
  CheckpointAction checkpoint_action = CheckpointAction::list;
  std::filesystem::path checkpoint_folder;
  std::filesystem::path watched;
  Source source;
};

/// All throw Error (usage) for unknown and repeated options and where the form is wrong; values are not looked
/// at.
CommandLine read_command_line(int argc, const char* const* argv);
/// `warnings` gets a line for each variable SIBP_… that no option has: it may belong to a module of the system.
Source read_environment(const Environment& environment, std::vector<std::string>& warnings);
Source read_config_file(const std::filesystem::path& path, const std::string& config_label);
/// The text of a TOML file; `name` stands for it in messages.
Source read_toml_text(const std::string& text, const std::string& name);
/// The text of an INI file; `name` stands for it in messages.
Source read_config_text(const std::string& text, const std::string& name);

/// The options that a preset stands for. Throws Error (usage) naming the known ones if there is none of that name.
Source read_preset(const std::string& name, const std::string& preset_label);

/// The table in Boost's terms, a description for each group: of all options.
const boost::program_options::options_description& describe_options();
/// Of those that mean something to a command.
boost::program_options::options_description describe_options(Command command);

}  // namespace sibp
