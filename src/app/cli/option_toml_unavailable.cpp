// In the place of option_toml.cpp where toml++ is not installed.
#include "sibp/core/error.hpp"

#include "app/cli/option_toml.hpp"

#include <fmt/format.h>

namespace sibp {

std::vector<std::pair<std::string, std::string>> read_toml(const std::string&, const std::string& name) {
  throw_usage_error(fmt::format(
      "{}: this program was built without toml++; give the options as INI, or install libtomlplusplus-dev and build it "
      "again with -DSIBP_TOML=on",
      name));
}

}  // namespace sibp
