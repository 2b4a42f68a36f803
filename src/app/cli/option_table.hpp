#pragma once

#include "sibp/app/cli/options.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// What a value should have been; whoever knows the option's name makes an Error of it.
struct Unexpected {
  std::string expected;
};

/// How the text of an option and its place in Options belong together.
struct Binding {
  /// Throws Unexpected.
  std::function<void(Options&, const std::string&)> set;
  /// Nothing if the option was not given and has no default that can be written down.
  std::function<std::optional<std::string>(const Options&)> get;
};

/// Where an option may be given and whether config.ini has it.
enum class Place {
  saved,         ///< everywhere; written to config.ini
  unsaved,       ///< everywhere; not written
  outside_file,  ///< command line and environment
  command_line,  ///< command line; a flag without a value
};

/// Whether a run that goes on from a checkpoint may have another value.
enum class OnResume {
  fixed,  ///< no: it would be another training
  free,   ///< yes
};

constexpr std::string_view all_commands = "train evaluate predict export plan doctor";
constexpr std::string_view data_commands = "train evaluate predict plan";  ///< those that look at a data set
constexpr std::string_view sample_commands = "train evaluate predict";     ///< those that look at samples
constexpr std::string_view model_commands = "evaluate predict export";     ///< those that use a trained model
constexpr std::string_view network_commands = "train plan";                ///< those that are told a network

/// One option: all that is known of it.
struct OptionEntry {
  std::string_view name;          ///< without dashes
  std::string_view group;         ///< heading in --help and config.ini
  std::string_view value_name{};  ///< in --help
  std::string_view help;
  Binding binding;
  Place place = Place::saved;
  std::string_view commands = "train";   ///< those that it means something to
  std::string_view dataset{};            ///< the only data set that it means something to; empty: all
  std::string_view without_default{};    ///< what holds if it is not given and `get` has nothing
  std::string_view without_value{};      ///< what is meant where the command line has the name alone; empty: an error
  std::string_view excludes{};           ///< the option that it stands instead of
  bool of_method = false;                ///< a parameter of the methods whose traits name it
  OnResume on_resume = OnResume::fixed;  ///< of those that config.ini has
  bool of_convolutions = false;          ///< means nothing to a network without convolutions
};

using OptionTable = std::vector<OptionEntry>;

// The parts of the table, in cli/table/; a new option is an entry in one of them.
void append_data_options(OptionTable& table);
void append_own_data_options(OptionTable& table);  ///< those that only one data set has
void append_network_options(OptionTable& table);
void append_method_options(OptionTable& table);
void append_update_options(OptionTable& table);
void append_length_options(OptionTable& table);
void append_sum_options(OptionTable& table);
void append_model_options(OptionTable& table);
void append_plan_options(OptionTable& table);
void append_checkpoint_options(OptionTable& table);
void append_run_options(OptionTable& table);

/// Every option, grouped, in the order of --help.
const OptionTable& option_table();

/// The entry of that name, or null.
const OptionEntry* find_option(std::string_view name);

/// Whether the method of these options has this parameter; true for what is no parameter of a method.
bool is_of_method(const OptionEntry& entry, const MethodOptions& method);

/// Whether config.ini can hold a value: Boost's INI reader takes '#' for the start of a comment anywhere and strips
/// blanks around values.
bool survives_ini(std::string_view value);

std::string_view name_of(Command command);
/// Every command, in the order of --help.
const std::vector<Command>& all_commands_in_order();
/// Whether an option means something to a command.
bool is_of_command(const OptionEntry& entry, Command command);

}  // namespace sibp
