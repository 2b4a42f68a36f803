#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <span>

namespace sibp {

/// The upper half of a float32: its sign, its 8 bits of exponent and 7 of its 23 bits of fraction.
using Bfloat16 = std::uint16_t;

/// out[k] ← values[k], rounded to nearest and ties to even. Beyond the largest is infinite; NaN stays NaN.
void round_to_bfloat16(std::span<const Real> values, Bfloat16* out);
/// out[k] ← rounded[k], exactly.
void from_bfloat16(std::span<const Bfloat16> rounded, Real* out);
/// sum[k] ← sum[k] + rounded[k].
void add_bfloat16(std::span<const Bfloat16> rounded, Real* sum);

}  // namespace sibp
