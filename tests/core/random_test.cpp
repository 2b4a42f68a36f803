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
    for (const Stream purpose :
         {Stream::weights, Stream::validation, Stream::batches, Stream::synthetic, Stream::augmentation})
      for (const std::uint64_t a : {0ULL, 1ULL, 1ULL << 32U})
        for (const std::uint64_t b : {0ULL, 1ULL, 1ULL << 32U}) first.insert(random_stream(seed, purpose, a, b)());
  EXPECT_EQ(first.size(), 3U * 5U * 3U * 3U);
}

TEST(Random, StreamsAreTheSameOnEveryPlatform) {
  EXPECT_EQ(random_stream(1, Stream::weights)(), random_stream(1, Stream::weights, 0, 0)());
  EXPECT_EQ(random_stream(42, Stream::batches, 7, 5)(), 8656016508140724281U);
}

TEST(SmallStream, KeysAndNumbersMakeOtherStreams) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t key = 0; key < 100; ++key) {
    for (std::uint64_t number = 0; number < 100; ++number) {
      SmallStream stream(key * 0x100000001U, number);
      for (int draw = 0; draw < 3; ++draw) seen.insert(stream());
    }
  }
  EXPECT_EQ(seen.size(), 30000U);
}

TEST(SmallStream, FirstBitsOfNeighboursAreCoins) {
  int heads = 0;
  int changes = 0;
  bool before = false;
  for (std::uint64_t number = 0; number < 100000; ++number) {
    const bool head = SmallStream(12345, number)() >> 63U != 0;
    heads += head ? 1 : 0;
    changes += head != before ? 1 : 0;
    before = head;
  }
  EXPECT_NEAR(heads, 50000, 5 * 158);  // five standard deviations
  EXPECT_NEAR(changes, 50000, 5 * 158);
}

TEST(SmallStream, IsForEver) {
  SmallStream stream(7, 9);
  EXPECT_EQ(stream(), 8580388782308325535U);
  EXPECT_EQ(stream(), 312474730577896109U);
}

}  // namespace
}  // namespace sibp
