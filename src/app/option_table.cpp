#include "app/option_table.hpp"

#include <algorithm>

namespace sibp {

const OptionTable& option_table() {
  static const OptionTable table = [] {
    OptionTable options;
    append_data_options(options);
    append_own_data_options(options);
    append_network_options(options);
    append_update_options(options);
    append_length_options(options);
    append_model_options(options);
    append_plan_options(options);
    append_run_options(options);
    return options;
  }();
  return table;
}

const OptionEntry* find_option(std::string_view name) {
  const auto& table = option_table();
  const auto found = std::ranges::find(table, name, &OptionEntry::name);
  return found == table.end() ? nullptr : &*found;
}

std::string_view name_of(Command command) {
  switch (command) {
    case Command::train:
      return "train";
    case Command::evaluate:
      return "evaluate";
    case Command::predict:
      return "predict";
    case Command::plan:
      return "plan";
  }
  return "unknown";
}

}  // namespace sibp
