#pragma once

#include "sibp/device/samples.hpp"

#include <cstdint>
#include <span>

namespace sibp {

/// Σ_j h(places[j], label_j, pixels_j) modulo 2^64 over these samples, h a 64-bit hash (XXH3). Tells one set of samples
/// from another, from itself in another order, and from itself with other labels; digests of the parts of a set add up
/// to that of the set. places[j] is where sample j stands in the set. Local.
std::uint64_t digest_of(const Samples& samples, std::span<const Index> places);

/// The digests of all that a run sees of its data set.
struct DataDigests {
  std::uint64_t training = 0;  ///< without the samples held out
  std::uint64_t validation = 0;
  std::uint64_t test = 0;

  bool operator==(const DataDigests&) const = default;
};

}  // namespace sibp
