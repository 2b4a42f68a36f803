#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sibp {

/// "a", "a and b", "a, b and c", with `last` before the last of several. Local.
std::string in_words(std::span<const std::string_view> words, std::string_view last);

/// "1 rank", "2 ranks"; of things whose plural ends in s. Local.
std::string counted(std::int64_t count, std::string_view thing);

/// The candidate that takes the fewest letters put in, left out, changed or exchanged with a neighbour to be `word`, if
/// these are at most a third of its letters; empty otherwise. Local.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates);

/// "; did you mean X?", or nothing if there is no such candidate; `prefix` stands before X. Local.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates,
                         std::string_view prefix = "");

}  // namespace sibp
