#pragma once

#include <cstdint>
#include <random>

namespace sibp {

/// What a stream of random numbers is for; streams of different purposes are independent.
enum class Stream : std::uint32_t { weights = 1, validation = 2, batches = 3, synthetic = 4 };

/// A generator that depends on its arguments only: never on the rank, the number of ranks or what was drawn before.
/// `a` and `b` number the streams of one purpose, for example the epoch and the logical shard.
std::mt19937_64 random_stream(std::uint64_t seed, Stream purpose, std::uint64_t a = 0, std::uint64_t b = 0);

}  // namespace sibp
