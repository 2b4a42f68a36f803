#include "sibp/data/data_digest.hpp"

#include "sibp/core/error.hpp"

#include "device/checksum.hpp"

#include <array>

namespace sibp {

std::uint64_t digest_of(const Samples& samples, std::span<const Index> places) {
  require(std::ssize(places) == samples.size(), "every sample has one place");
  std::uint64_t digest = 0;
  for (Index j = 0; j < samples.size(); ++j) {
    const auto k = static_cast<std::size_t>(j);
    const std::array<std::uint64_t, 3> sample{static_cast<std::uint64_t>(places[k]),
                                              static_cast<std::uint64_t>(samples.labels[k]),
                                              hash_of(samples.sample(j))};
    digest += hash_of({reinterpret_cast<const std::uint8_t*>(sample.data()), sizeof sample});
  }
  return digest;
}

}  // namespace sibp
