#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sibp {

/// The keys of a TOML file and the options' texts of their values: numbers and strings as they are, lists with commas,
/// true and false as on and off. Local. Throws Error (usage) naming `name` and the line, for tables, dates and what is
/// no TOML, or where the program was built without the library.
std::vector<std::pair<std::string, std::string>> read_toml(const std::string& text, const std::string& name);

}  // namespace sibp
