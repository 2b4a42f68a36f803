#pragma once

#include "sibp/app/cli/options.hpp"

#include <string_view>
#include <vector>

namespace sibp {

/// How a command is called, and what it does.
struct Usage {
  std::string_view call;
  std::string_view what;
};
Usage usage_of(Command command);

struct StatusMeaning {
  int status;
  std::string_view meaning;
};
const std::vector<StatusMeaning>& exit_status_meanings();

}  // namespace sibp
