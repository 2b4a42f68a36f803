// The dealing of samples to ranks and batches: the same batches on any number of ranks, each sample once an epoch.
#include "sibp/data/shards.hpp"

#include "support/files.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

namespace sibp {
namespace {

std::vector<Index> copied(std::span<const Index> places) {
  return {places.begin(), places.end()};
}

using testing_support::expect_error;

using Batches = std::vector<std::vector<Index>>;

/// Samples (not places) of each global batch of an epoch, of all ranks together, ascending.
Batches global_batches(Index n, Index v, Index m, int ranks, Index epoch, std::uint64_t seed) {
  Batches batches;
  for (int rank = 0; rank < ranks; ++rank) {
    const Sharding sharding{n, v, rank, ranks};
    BatchOrder order(sharding, m, seed);
    const std::vector<Index> local = sharding.local_samples();
    batches.resize(static_cast<std::size_t>(order.batches_per_epoch()));
    Index largest = 0;
    for (std::size_t s = 0; s < batches.size(); ++s) {
      const auto places = order.local_batch(epoch, static_cast<Index>(s));
      largest = std::max(largest, static_cast<Index>(places.size()));
      for (const Index place : places) batches[s].push_back(local.at(static_cast<std::size_t>(place)));
    }
    EXPECT_EQ(order.largest_local_size(), largest);
  }
  for (auto& batch : batches) std::sort(batch.begin(), batch.end());
  return batches;
}

class Dealing : public testing::TestWithParam<std::tuple<Index, Index, Index>> {};  // n, V, M

INSTANTIATE_TEST_SUITE_P(Sizes, Dealing,
                         testing::Values(std::tuple(1, 1, 1), std::tuple(100, 8, 10), std::tuple(103, 8, 10),
                                         std::tuple(1000, 64, 100), std::tuple(997, 64, 100), std::tuple(997, 7, 997),
                                         std::tuple(50, 64, 7), std::tuple(5, 6, 1), std::tuple(130, 64, 3)));

TEST_P(Dealing, EverySampleIsOnOneRank) {
  const auto [n, v, m] = GetParam();
  for (int ranks = 1; ranks <= std::min<Index>(v, 7); ++ranks) {
    std::vector<Index> all;
    for (int rank = 0; rank < ranks; ++rank) {
      const Sharding sharding{n, v, rank, ranks};
      const auto local = sharding.local_samples();
      EXPECT_TRUE(std::ranges::is_sorted(local));
      for (const Index j : local) EXPECT_TRUE(sharding.is_local(j % v));
      all.insert(all.end(), local.begin(), local.end());
    }
    std::sort(all.begin(), all.end());
    std::vector<Index> expected(static_cast<std::size_t>(n));
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected);
  }
}

TEST_P(Dealing, ShardSizesAddUp) {
  const auto [n, v, m] = GetParam();
  const Sharding sharding{n, v, 0, 1};
  Index sum = 0;
  for (Index shard = 0; shard < v; ++shard) sum += sharding.shard_size(shard);
  EXPECT_EQ(sum, n);
}

TEST_P(Dealing, EachSampleIsUsedOnceAnEpoch) {
  const auto [n, v, m] = GetParam();
  for (const Index epoch : {0, 1, 5}) {
    const Batches batches = global_batches(n, v, m, 1, epoch, 3);
    EXPECT_EQ(static_cast<Index>(batches.size()), (n + m - 1) / m);
    std::vector<Index> used;
    const BatchOrder order({n, v, 0, 1}, m, 3);
    for (std::size_t s = 0; s < batches.size(); ++s) {
      EXPECT_EQ(static_cast<Index>(batches[s].size()), order.global_size(static_cast<Index>(s)));
      used.insert(used.end(), batches[s].begin(), batches[s].end());
    }
    EXPECT_EQ(std::set<Index>(used.begin(), used.end()).size(), static_cast<std::size_t>(n));
    EXPECT_EQ(static_cast<Index>(used.size()), n);
  }
}

TEST_P(Dealing, BatchesDoNotDependOnTheNumberOfRanks) {
  const auto [n, v, m] = GetParam();
  const Batches alone = global_batches(n, v, m, 1, 2, 11);
  for (int ranks = 2; ranks <= std::min<Index>(v, 7); ++ranks) {
    EXPECT_EQ(global_batches(n, v, m, ranks, 2, 11), alone) << ranks << " ranks";
  }
}

/// The sample at each place of a global batch, as all ranks together tell it.
std::vector<Index> samples_by_position(Index n, Index v, Index m, int ranks, Index epoch, Index batch) {
  std::vector<Index> samples;
  for (int rank = 0; rank < ranks; ++rank) {
    const Sharding sharding{n, v, rank, ranks};
    BatchOrder order(sharding, m, 5);
    samples.resize(static_cast<std::size_t>(order.global_size(batch)), -1);
    const auto positions = copied(order.local_positions(epoch, batch));
    const auto numbers = copied(order.local_numbers(epoch, batch));
    const auto places = copied(order.local_batch(epoch, batch));
    EXPECT_TRUE(std::ranges::is_sorted(positions));
    EXPECT_EQ(positions.size(), places.size());
    EXPECT_EQ(numbers.size(), places.size());
    const std::vector<Index> local = sharding.local_samples();
    for (std::size_t k = 0; k < places.size(); ++k) {
      EXPECT_EQ(numbers[k], local.at(static_cast<std::size_t>(places[k])));
      Index& sample = samples.at(static_cast<std::size_t>(positions[k]));
      EXPECT_EQ(sample, -1) << "two ranks at one position";
      sample = numbers[k];
    }
  }
  return samples;
}

TEST_P(Dealing, PositionsAndNumbersDoNotDependOnTheNumberOfRanks) {
  const auto [n, v, m] = GetParam();
  const Index last = (n + m - 1) / m - 1;
  for (const Index batch : {Index(0), last}) {
    const std::vector<Index> alone = samples_by_position(n, v, m, 1, 2, batch);
    EXPECT_EQ(std::ranges::count(alone, -1), 0);
    for (int ranks = 2; ranks <= std::min<Index>(v, 7); ++ranks)
      EXPECT_EQ(samples_by_position(n, v, m, ranks, 2, batch), alone) << ranks << " ranks";
  }
}

TEST(BatchOrder, PositionsFollowTheBatchThatIsAskedFor) {
  BatchOrder order({1000, 64, 1, 3}, 100, 1);
  const auto of_first = copied(order.local_numbers(0, 4));
  EXPECT_NE(copied(order.local_numbers(0, 5)), of_first);
  EXPECT_NE(copied(order.local_numbers(1, 4)), of_first);
  (void)order.local_batch(0, 4);
  EXPECT_EQ(copied(order.local_numbers(0, 4)), of_first);
}

TEST(BatchOrder, EpochsAndSeedsDiffer) {
  EXPECT_NE(global_batches(1000, 64, 100, 1, 0, 1), global_batches(1000, 64, 100, 1, 1, 1));
  EXPECT_NE(global_batches(1000, 64, 100, 1, 0, 1), global_batches(1000, 64, 100, 1, 0, 2));
}

TEST(BatchOrder, EpochsCanBeTakenInAnyOrder) {
  BatchOrder order({1000, 64, 1, 3}, 100, 1);
  const auto first = copied(order.local_batch(0, 4));
  EXPECT_NE(copied(order.local_batch(7, 4)), first);
  EXPECT_EQ(copied(order.local_batch(0, 4)), first);
}

TEST(BatchOrder, TheLastBatchIsShort) {
  const BatchOrder order({103, 8, 0, 1}, 10, 1);
  EXPECT_EQ(order.batches_per_epoch(), 11);
  EXPECT_EQ(order.global_size(9), 10);
  EXPECT_EQ(order.global_size(10), 3);
  expect_error(ExitStatus::runtime, {"beyond the epoch"}, [&] { (void)order.global_size(11); });
}

TEST(BatchOrder, ARankMayHaveNothingInABatch) {
  // One sample a batch, three ranks: two of them always have none.
  BatchOrder order({9, 3, 2, 3}, 1, 1);
  EXPECT_THAT(copied(order.local_batch(0, 0)), testing::IsEmpty());
  EXPECT_THAT(copied(order.local_batch(0, 1)), testing::IsEmpty());
  EXPECT_THAT(copied(order.local_batch(0, 2)), testing::SizeIs(1));
  // More shards than samples: the last rank holds nothing at all.
  const Sharding empty{2, 4, 3, 4};
  EXPECT_THAT(empty.local_samples(), testing::IsEmpty());
  EXPECT_EQ(BatchOrder(empty, 2, 1).largest_local_size(), 0);
}

TEST(BatchOrder, ImpossibleSizesAreUsageErrors) {
  expect_error(ExitStatus::usage, {"5 ranks", "4 logical shards", "`logical_shards`"}, [] {
    BatchOrder({100, 4, 0, 5}, 10, 1);
  });
  expect_error(ExitStatus::usage, {"`batch` is 101", "100 training samples"}, [] {
    BatchOrder({100, 4, 0, 1}, 101, 1);
  });
  expect_error(ExitStatus::usage, {"`batch` is 0"}, [] { BatchOrder({100, 4, 0, 1}, 0, 1); });
  expect_error(ExitStatus::usage, {"`logical_shards` is 0"}, [] { BatchOrder({100, 0, 0, 1}, 10, 1); });
}

/// FNV-1a over the numbers of a list, in its order.
std::uint64_t fingerprint(std::span<const Index> values) {
  std::uint64_t hash = 14695981039346656037U;
  for (const Index value : values) hash = (hash ^ static_cast<std::uint64_t>(value)) * 1099511628211U;
  return hash;
}

// Runs are resumed and compared across versions: these choices must never change.
TEST(BatchOrder, TheOrderIsForEver) {
  BatchOrder small({20, 4, 0, 1}, 8, 1);
  EXPECT_EQ(copied(small.local_batch(0, 0)), (std::vector<Index>{0, 9, 10, 3, 12, 5, 2, 11}));
  BatchOrder order({60000, 64, 0, 1}, 100, 1);
  EXPECT_EQ(fingerprint(order.local_batch(0, 0)), 2476961137736090865U);
  EXPECT_EQ(fingerprint(order.local_batch(3, 599)), 11981868283723466689U);
  EXPECT_EQ(fingerprint(hold_out(60000, 5000, 1).validation), 10224236768407311766U);
}

TEST(HoldOut, SplitsTheSamples) {
  for (const Index validation : {0, 1, 30, 99}) {
    const HoldOut split = hold_out(100, validation, 5);
    EXPECT_EQ(static_cast<Index>(split.validation.size()), validation);
    EXPECT_TRUE(std::ranges::is_sorted(split.training));
    EXPECT_TRUE(std::ranges::is_sorted(split.validation));
    std::vector<Index> all;
    std::ranges::merge(split.training, split.validation, std::back_inserter(all));
    std::vector<Index> expected(100);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected);
  }
}

TEST(HoldOut, DependsOnTheSeedAndHoldsOutEverywhere) {
  EXPECT_EQ(hold_out(1000, 100, 1).validation, hold_out(1000, 100, 1).validation);
  EXPECT_NE(hold_out(1000, 100, 1).validation, hold_out(1000, 100, 2).validation);
  const auto held = hold_out(10000, 1000, 1).validation;
  const auto first_half = std::ranges::count_if(held, [](Index j) { return j < 5000; });
  EXPECT_NEAR(static_cast<double>(first_half), 500, 80);  // five standard deviations
}

TEST(HoldOut, ImpossibleSizesAreUsageErrors) {
  for (const Index validation : {-1, 100, 101}) {
    expect_error(ExitStatus::usage, {"`validation` is " + std::to_string(validation)},
                 [&] { (void)hold_out(100, validation, 1); });
  }
}

}  // namespace
}  // namespace sibp
