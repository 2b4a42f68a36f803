#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sibp {

/// "a", "a and b", "a, b and c", with `last` before the last of several. Local.
std::string in_words(std::span<const std::string_view> words, std::string_view last);

}  // namespace sibp
