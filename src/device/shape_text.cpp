#include "sibp/device/shape_text.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <system_error>

#include <fmt/format.h>

namespace sibp {

std::string to_text(const TensorShape& shape) {
  return fmt::format("{}x{}x{}", shape.height, shape.width, shape.channels);
}

std::optional<TensorShape> shape_from_text(std::string_view text) {
  std::array<Index, 3> sizes{};
  Index product = 1;
  const char* next = text.data();
  const char* const end = text.data() + text.size();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (i > 0) {
      if (next == end || *next != 'x') return std::nullopt;
      ++next;
    }
    const auto [after, error] = std::from_chars(next, end, sizes[i]);
    if (error != std::errc() || sizes[i] < 1 || sizes[i] > std::numeric_limits<Index>::max() / product)
      return std::nullopt;
    product *= sizes[i];
    next = after;
  }
  if (next != end) return std::nullopt;
  return TensorShape{sizes[0], sizes[1], sizes[2]};
}

}  // namespace sibp
