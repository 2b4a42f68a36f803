#include "data/stored_array.hpp"

#include "sibp/core/error.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {

std::string to_text(const ElementFormat& format) {
  switch (format.kind) {
    case 'u':
      return fmt::format("uint{}", 8 * format.bytes);
    case 'i':
      return fmt::format("int{}", 8 * format.bytes);
    case 'f':
      return fmt::format("float{}", 8 * format.bytes);
    case 'c':
      return fmt::format("complex{}", 8 * format.bytes);
    case 'b':
      return "bool";
    case 'O':
      return "Python objects";
    default:
      return "texts, dates or records";
  }
}

std::string sizes_text(std::span<const Index> sizes) {
  return fmt::format("{}", fmt::join(sizes, " x "));
}

StoredArray::StoredArray(std::string place, const ElementFormat& format, std::vector<Index> sizes)
    : place_(std::move(place)), format_(format), sizes_(std::move(sizes)), row_bytes_(format.bytes) {
  constexpr std::size_t most_dimensions = 4;
  constexpr Index largest = std::numeric_limits<Index>::max() / 4;  // leaves room for headers
  if (sizes_.empty() || sizes_.size() > most_dimensions) {
    throw_data_error(
        fmt::format("{} has {} dimensions, expected samples x features, samples x height x width, or these "
                    "x channels, and one dimension for labels; reshape it",
                    place_, sizes_.size()));
  }
  Index elements = 1;
  for (std::size_t k = 0; k < sizes_.size(); ++k) {
    if (sizes_[k] < 1)
      throw_data_error(
          fmt::format("{} is {}, expected sizes of at least 1; choose another file", place_, sizes_text(sizes_)));
    if (sizes_[k] > largest / format_.bytes / elements)
      throw_data_error(
          fmt::format("{} is damaged: its sizes {} are more than any file can hold", place_, sizes_text(sizes_)));
    elements *= sizes_[k];
  }
  row_bytes_ = elements / rows() * format_.bytes;
}

}  // namespace sibp
