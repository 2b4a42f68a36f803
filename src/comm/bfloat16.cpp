#include "comm/bfloat16.hpp"

#include <bit>
#include <cmath>
#include <cstddef>

namespace sibp {
namespace {

Bfloat16 rounded(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t is_odd = bits >> 16U & 1U;
  const std::uint32_t nearest = (bits + 0x7fffU + is_odd) >> 16U;
  const std::uint32_t quiet_nan = bits >> 16U | 0x40U;  // rounding could carry a NaN into infinity
  return static_cast<Bfloat16>(std::isnan(value) ? quiet_nan : nearest);
}

float widened(Bfloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16U);
}

}  // namespace

void round_to_bfloat16(std::span<const Real> values, Bfloat16* out) {
  for (std::size_t k = 0; k < values.size(); ++k) out[k] = rounded(static_cast<float>(values[k]));
}

void from_bfloat16(std::span<const Bfloat16> rounded, Real* out) {
  for (std::size_t k = 0; k < rounded.size(); ++k) out[k] = static_cast<Real>(widened(rounded[k]));
}

void add_bfloat16(std::span<const Bfloat16> rounded, Real* sum) {
  for (std::size_t k = 0; k < rounded.size(); ++k) sum[k] += static_cast<Real>(widened(rounded[k]));
}

}  // namespace sibp
