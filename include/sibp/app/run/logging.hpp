#pragma once

#include "sibp/app/cli/options.hpp"

namespace sibp {

/// Sends spdlog's messages to standard error: on rank 0 those of `level` and above, on other ranks errors only (none if
/// `level` is off), with the rank in front. Local.
void set_up_logging(LogLevel level, int rank);

}  // namespace sibp
