#pragma once

#include "sibp/core/types.hpp"

#include <charconv>
#include <optional>
#include <string_view>

namespace sibp {

/// Wide enough for any layer in use, and small enough that sizes never overflow.
inline constexpr Index largest_width = 10'000'000;

/// Without the blanks at both ends.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return text.substr(0, 0);
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The whole number from `least` to largest_width that makes up the whole text, or nothing.
inline std::optional<Index> whole_width(std::string_view text, Index least = 1) {
  Index width = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
  if (error != std::errc() || end != text.data() + text.size() || width < least || width > largest_width)
    return std::nullopt;
  return width;
}

}  // namespace sibp
