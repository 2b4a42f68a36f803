// Digests of samples: equal however the samples are spread over ranks, other for other data of the same statistics.
#include "sibp/data/data_digest.hpp"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

namespace sibp {
namespace {

constexpr Index features = 3;

Samples some_samples(Index count) {
  Samples samples{.shape = {1, 1, features}, .pixels = {}, .labels = {}};
  for (Index j = 0; j < count; ++j) {
    for (Index i = 0; i < features; ++i) samples.pixels.push_back(static_cast<std::uint8_t>(7 * j + i));
    samples.labels.push_back(static_cast<std::int32_t>(j % 4));
  }
  return samples;
}

std::vector<Index> places(Index first, Index count) {
  std::vector<Index> places(static_cast<std::size_t>(count));
  std::iota(places.begin(), places.end(), first);
  return places;
}

TEST(DataDigest, ThoseOfTheSharesAddUp) {
  const Samples all = some_samples(20);
  for (const Index ranks : {1, 2, 3, 20}) {
    std::uint64_t sum = 0;
    for (Index rank = 0; rank < ranks; ++rank) {
      Samples share{.shape = {1, 1, features}, .pixels = {}, .labels = {}};
      std::vector<Index> where;
      for (Index j = rank; j < all.size(); j += ranks) {
        const auto pixels = all.sample(j);
        share.pixels.insert(share.pixels.end(), pixels.begin(), pixels.end());
        share.labels.push_back(all.labels[static_cast<std::size_t>(j)]);
        where.push_back(j);
      }
      sum += digest_of(share, where);
    }
    EXPECT_EQ(sum, digest_of(all, places(0, 20))) << ranks;
  }
}

TEST(DataDigest, OtherDataHaveAnother) {
  const Samples all = some_samples(20);
  const std::uint64_t digest = digest_of(all, places(0, 20));
  EXPECT_NE(digest, digest_of(all, places(1, 20)));
  Samples reversed = all;
  std::reverse(reversed.labels.begin(), reversed.labels.end());
  EXPECT_NE(digest, digest_of(reversed, places(0, 20)));
  std::reverse(reversed.pixels.begin(), reversed.pixels.end());
  EXPECT_NE(digest, digest_of(reversed, places(0, 20)));
  Samples swapped = all;  // two samples with their labels
  std::swap_ranges(swapped.pixels.begin(), swapped.pixels.begin() + features, swapped.pixels.begin() + features);
  std::swap(swapped.labels[0], swapped.labels[1]);
  EXPECT_NE(digest, digest_of(swapped, places(0, 20)));
  Samples changed = all;
  changed.pixels.back() ^= 1U;
  EXPECT_NE(digest, digest_of(changed, places(0, 20)));
}

TEST(DataDigest, NoSamplesHaveNone) {
  EXPECT_EQ(digest_of(some_samples(0), {}), 0U);
}

}  // namespace
}  // namespace sibp
