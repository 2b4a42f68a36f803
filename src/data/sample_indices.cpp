#include "data/sample_indices.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

namespace sibp {

void check_sample_indices(std::span<const Index> indices, Index samples) {
  require(indices.empty() || (indices.front() >= 0 && indices.back() < samples), "sample index is beyond the data set");
  require(std::adjacent_find(indices.begin(), indices.end(), std::greater_equal<>()) == indices.end(),
          "sample indices do not ascend");
}

void check_label(std::string_view place, Index sample, Index label, Index classes) {
  if (label >= 0 && label < classes) return;
  throw_data_error(fmt::format("{}: sample {} has label {}, expected 0 to {}; fetch the file again or correct it",
                               place, sample, label, classes - 1));
}

}  // namespace sibp
