#include "sibp/data/data_digest.hpp"

#include "sibp/core/error.hpp"

#include <array>

#include <xxhash.h>

namespace sibp {

std::uint64_t digest_of(const Samples& samples, std::span<const Index> places) {
  require(std::ssize(places) == samples.size(), "every sample has one place");
  std::uint64_t digest = 0;
  for (Index j = 0; j < samples.size(); ++j) {
    const auto pixels = samples.sample(j);
    const auto k = static_cast<std::size_t>(j);
    const std::array<std::uint64_t, 3> sample{static_cast<std::uint64_t>(places[k]),
                                              static_cast<std::uint64_t>(samples.labels[k]),
                                              XXH3_64bits(pixels.data(), pixels.size_bytes())};
    digest += XXH3_64bits(sample.data(), sizeof sample);
  }
  return digest;
}

}  // namespace sibp
