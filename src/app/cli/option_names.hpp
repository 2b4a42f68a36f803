#pragma once

#include <string>

namespace sibp {

/// A message of the library in the words of the command line: `logical_shards`, the name of a quantity as Error writes
/// it, becomes --logical-shards. What is no option stays as it is. Local.
std::string named_by_options(const std::string& message);

}  // namespace sibp
