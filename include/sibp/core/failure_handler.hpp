#pragma once

#include "sibp/core/error.hpp"

#include <functional>
#include <string>

namespace sibp {

/// What a process does before it ends by an error, such as writing it to a file. Calls no collective.
using FailureHandler = std::function<void(ExitStatus status, const std::string& message)>;

/// Sets the handler of this process; null: none. Local.
void set_failure_handler(FailureHandler handler);

/// Calls the handler, at most once. Whoever ends the process by an error calls this first, from any thread. Local.
/// Throws nothing.
void call_failure_handler(ExitStatus status, const std::string& message) noexcept;

}  // namespace sibp
