#pragma once

#include "sibp/core/error.hpp"
#include "sibp/update/method_options.hpp"

#include <algorithm>
#include <string>

namespace sibp::testing_support {

/// The method of this name.
inline Method named_method(std::string_view name) {
  const auto found = std::ranges::find(all_methods(), name, [](Method method) { return name_of(method); });
  if (found == all_methods().end()) throw Error(ExitStatus::usage, "there is no method " + std::string(name));
  return *found;
}

}  // namespace sibp::testing_support
