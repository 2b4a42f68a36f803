#include "device/checksum.hpp"

#include "sibp/device/linear_algebra.hpp"

#include <vector>

#include <xxhash.h>

namespace sibp {

std::uint64_t checksum_of(std::span<const Real> values) {
  return XXH3_64bits(values.data(), values.size_bytes());
}

std::uint64_t hash_of(std::span<const std::uint8_t> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size_bytes());
}

std::uint64_t hash_of(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t LinearAlgebra::checksum(ConstMatrixView a) {
  require(a.contiguous(), "only a matrix without gaps has a checksum");
  return do_checksum(a);
}

std::uint64_t LinearAlgebra::do_checksum(ConstMatrixView a) {
  std::vector<Real> values(static_cast<std::size_t>(a.size()));
  download(a, values);
  return checksum_of(values);
}

}  // namespace sibp
