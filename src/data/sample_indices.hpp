#pragma once

#include "sibp/core/types.hpp"

#include <span>
#include <string_view>

namespace sibp {

/// Throws Error (runtime) unless the indices ascend strictly within 0 … samples − 1.
void check_sample_indices(std::span<const Index> indices, Index samples);

/// Throws Error (data) naming `place`, sample and label unless 0 ≤ label < classes.
void check_label(std::string_view place, Index sample, Index label, Index classes);

}  // namespace sibp
