#include "sibp/core/random.hpp"

namespace sibp {

std::mt19937_64 random_stream(std::uint64_t seed, Stream purpose, std::uint64_t a, std::uint64_t b) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); };
  // seed_seq's mixing is fixed by the standard, so streams are the same on every platform.
  std::seed_seq mixed{low(seed), high(seed), static_cast<std::uint32_t>(purpose), low(a), high(a), low(b), high(b)};
  return std::mt19937_64(mixed);
}

}  // namespace sibp
