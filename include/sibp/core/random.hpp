#pragma once

#include <cstdint>
#include <limits>
#include <random>

namespace sibp {

/// What a stream of random numbers is for; streams of different purposes are independent.
enum class Stream : std::uint32_t {
  weights = 1,
  validation = 2,
  batches = 3,
  synthetic = 4,
  augmentation = 5,
  dropout = 6
};

/// A generator that depends on its arguments only: never on the rank, the number of ranks or what was drawn before.
/// `a` and `b` number the streams of one purpose, for example the epoch and the logical shard.
std::mt19937_64 random_stream(std::uint64_t seed, Stream purpose, std::uint64_t a = 0, std::uint64_t b = 0);

/// A generator for a few draws, which costs nothing to make (SplitMix64): one for each `number` of a `key` that was
/// drawn from a random_stream. The same on every platform.
class SmallStream {
 public:
  using result_type = std::uint64_t;

  SmallStream(std::uint64_t key, std::uint64_t number) : state_(key ^ mixed(number)) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return mixed(state_ += 0x9e3779b97f4a7c15U); }

 private:
  static constexpr std::uint64_t mixed(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
  }

  std::uint64_t state_;
};

}  // namespace sibp
