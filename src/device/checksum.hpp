#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <span>

namespace sibp {

/// XXH3 over the bytes of values in host memory.
std::uint64_t checksum_of(std::span<const Real> values);

}  // namespace sibp
