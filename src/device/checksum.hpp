#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace sibp {

/// XXH3 over the bytes of values in host memory.
std::uint64_t checksum_of(std::span<const Real> values);

/// A 64-bit hash of bytes (XXH3). Local.
std::uint64_t hash_of(std::span<const std::uint8_t> bytes);
std::uint64_t hash_of(std::string_view bytes);

}  // namespace sibp
