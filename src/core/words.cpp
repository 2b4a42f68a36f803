#include "sibp/core/words.hpp"

namespace sibp {

std::string in_words(std::span<const std::string_view> words, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0 && i + 1 < words.size()) text += ", ";
    if (i > 0 && i + 1 == words.size()) text.append(" ").append(last).append(" ");
    text += words[i];
  }
  return text;
}

}  // namespace sibp
