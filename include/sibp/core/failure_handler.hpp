#pragma once

#include "sibp/core/error.hpp"

#include <functional>
#include <string>

namespace sibp {

/// What a process does before it ends by an error, such as to leave a note of it. Calls no collective.
using LastWords = std::function<void(ExitStatus status, const std::string& message)>;

/// Has them said at the end; null: none. Local.
void set_last_words(LastWords words);

/// Says them, once. Whoever ends the process by an error calls it, from any thread. Local. Throws nothing.
void say_last_words(ExitStatus status, const std::string& message) noexcept;

}  // namespace sibp
