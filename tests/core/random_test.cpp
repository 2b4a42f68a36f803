#include "sibp/core/random.hpp"

#include <set>

#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(Random, StreamsDependOnTheirArgumentsOnly) {
  EXPECT_EQ(random_stream(1, Stream::batches, 2, 3)(), random_stream(1, Stream::batches, 2, 3)());
}

TEST(Random, EveryArgumentMakesAnotherStream) {
  std::set<std::uint64_t> first;
  for (const std::uint64_t seed : {1ULL, 2ULL, 1ULL << 32U})
    for (const Stream purpose : {Stream::weights, Stream::validation, Stream::batches, Stream::synthetic})
      for (const std::uint64_t a : {0ULL, 1ULL, 1ULL << 32U})
        for (const std::uint64_t b : {0ULL, 1ULL, 1ULL << 32U}) first.insert(random_stream(seed, purpose, a, b)());
  EXPECT_EQ(first.size(), 3U * 4U * 3U * 3U);
}

TEST(Random, StreamsAreTheSameOnEveryPlatform) {
  EXPECT_EQ(random_stream(1, Stream::weights)(), random_stream(1, Stream::weights, 0, 0)());
  EXPECT_EQ(random_stream(42, Stream::batches, 7, 5)(), 8656016508140724281U);
}

}  // namespace
}  // namespace sibp
