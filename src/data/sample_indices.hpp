#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <filesystem>
#include <span>

namespace sibp {

/// Throws Error (runtime) unless the indices ascend strictly within 0 … samples − 1.
void check_sample_indices(std::span<const Index> indices, Index samples);

/// Throws Error (data) naming file, sample and label unless label < classes.
void check_label(const std::filesystem::path& path, Index sample, std::uint8_t label, Index classes);

}  // namespace sibp
