#include "device/bfloat16.hpp"

#include <bit>
#include <cstddef>

#include <Eigen/Core>

namespace sibp {
namespace {

Real widened(Bfloat16 value) {
  return static_cast<Real>(static_cast<float>(std::bit_cast<Eigen::bfloat16>(value)));
}

}  // namespace

void round_to_bfloat16(std::span<const Real> values, Bfloat16* out) {
  for (std::size_t k = 0; k < values.size(); ++k)
    out[k] = std::bit_cast<Bfloat16>(Eigen::bfloat16(static_cast<float>(values[k])));
}

void from_bfloat16(std::span<const Bfloat16> rounded, Real* out) {
  for (std::size_t k = 0; k < rounded.size(); ++k) out[k] = widened(rounded[k]);
}

void add_bfloat16(std::span<const Bfloat16> rounded, Real* sum) {
  for (std::size_t k = 0; k < rounded.size(); ++k) sum[k] += widened(rounded[k]);
}

}  // namespace sibp
