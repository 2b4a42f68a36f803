#pragma once

#include "sibp/app/cli/options.hpp"

#include <cstdint>
#include <functional>
#include <initializer_list>
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

/// A set of commands.
class Commands {
 public:
  constexpr Commands(std::initializer_list<Command> commands) {  // NOLINT(google-explicit-constructor): as its elements
    for (const Command command : commands) bits_ |= bit_of(command);
  }
  [[nodiscard]] constexpr bool contains(Command command) const { return (bits_ & bit_of(command)) != 0; }

 private:
  static constexpr std::uint32_t bit_of(Command command) { return 1U << static_cast<unsigned>(command); }
  std::uint32_t bits_ = 0;
};

constexpr Commands all_commands{Command::train,        Command::evaluate, Command::predict,
                                Command::export_model, Command::plan,     Command::doctor};
/// Those that look at a data set.
constexpr Commands data_commands{Command::train, Command::evaluate, Command::predict, Command::plan};
/// Those that look at samples.
constexpr Commands sample_commands{Command::train, Command::evaluate, Command::predict};
/// Those that use a trained model.
constexpr Commands model_commands{Command::evaluate, Command::predict, Command::export_model};
/// Those that are told a network.
constexpr Commands network_commands{Command::train, Command::plan};

/// One option: all that is known of it.
struct OptionEntry {
  std::string_view name;          ///< without dashes
  std::string_view group;         ///< heading in --help and config.ini
  std::string_view value_name{};  ///< in --help
  std::string_view help;
  Binding binding;
  Place place = Place::saved;
  Commands commands{Command::train};     ///< those that it means something to
  std::string_view dataset{};            ///< the only data set that it means something to; empty: all
  std::string_view without_default{};    ///< what holds if it is not given and `get` has nothing
  std::string_view without_value{};      ///< what is meant where the command line has the name alone; empty: an error
  std::string_view excludes{};           ///< the option that it stands instead of
  bool of_method = false;                ///< a parameter of the methods whose traits name it
  OnResume on_resume = OnResume::fixed;  ///< of those that config.ini has
  bool of_convolutions = false;          ///< means nothing to a network without convolutions
};

using OptionTable = std::vector<OptionEntry>;
/// Appends options of one kind.
using OptionPart = void (*)(OptionTable&);

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

/// The parts of the table in the order of --help. What is added before the first call of option_table() is in it.
std::vector<OptionPart>& option_parts();

/// Every option, grouped, in the order of --help.
const OptionTable& option_table();

/// The entry of that name, or null.
const OptionEntry* find_option(std::string_view name);

/// Whether the method of these options has this parameter; true for what is no parameter of a method.
bool is_of_method(const OptionEntry& entry, const MethodOptions& method);
/// Whether config.ini has the option in a run of these options.
bool is_saved(const OptionEntry& entry, const Options& options);

/// Whether config.ini can hold a value: Boost's INI reader takes '#' for the start of a comment anywhere and strips
/// blanks around values.
bool survives_ini(std::string_view value);

std::string_view name_of(Command command);
/// Every command, in the order of --help.
const std::vector<Command>& all_commands_in_order();
/// The names of those in a set, with blanks between, in the order of --help.
std::string to_text(const Commands& commands);

}  // namespace sibp
