// How pictures are changed: as the list says, evenly, and by (seed, epoch, number of the sample) alone.
#include "sibp/data/augmentation.hpp"

#include "sibp/device/shape_text.hpp"

#include "support/files.hpp"

#include <cmath>
#include <map>
#include <numeric>

namespace sibp {
namespace {

using testing_support::expect_error;

constexpr TensorShape shape{32, 30, 3};

std::vector<Index> up_to(Index count) {
  std::vector<Index> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<PictureChange> drawn(const Augmentation& augmentation, Index epoch, const std::vector<Index>& numbers,
                                 std::uint64_t seed = 1) {
  Augmenter augmenter(augmentation, shape, seed);
  const auto changes = augmenter.changes(epoch, numbers);
  return {changes.begin(), changes.end()};
}

TEST(AugmentationText, IsReadBack) {
  for (const char* text : {"none", "flip", "flip:alternating", "translate:2", "cutout:8", "flip,translate:2,cutout:8",
                           "flip:alternating,cutout:1"}) {
    const auto augmentation = augmentation_from_text(text);
    ASSERT_TRUE(augmentation) << text;
    EXPECT_EQ(to_text(*augmentation), text);
  }
  EXPECT_EQ(augmentation_from_text("cutout:8,flip"), (Augmentation{Flip::random, 0, 8}));
  EXPECT_EQ(augmentation_from_text("none"), Augmentation{});
}

TEST(AugmentationText, AnythingElseIsNone) {
  for (const char* text : {"", "flip,", ",flip", "flip,flip", "flip,flip:alternating", "translate", "translate:",
                           "translate:0", "translate:-1", "translate:2.5", "translate:2,translate:2", "cutout:x",
                           "cutout: 8", "flip, cutout:8", "none,flip", "flip,none", "mirror", "cutout:99999999999"})
    EXPECT_EQ(augmentation_from_text(text), std::nullopt) << text;
}

TEST(Augmentation, MeansSomethingToPicturesOnly) {
  const auto refused = [](const char* list, const TensorShape& samples, const std::string& expected) {
    expect_error(ExitStatus::usage, {"`augment`", list, to_text(samples), expected},
                 [&] { check_augmentation(*augmentation_from_text(list), samples); });
  };
  refused("cutout:1", {1, 1, 784}, "no pictures");
  refused("flip", {9, 1, 3}, "no flip");
  refused("translate:8", {8, 9, 3}, "below the 8 pixels");
  refused("cutout:9", {9, 8, 1}, "at most the 8 pixels");
  check_augmentation({Flip::random, 7, 8}, {8, 9, 1});
  check_augmentation({}, {1, 1, 784});
}

TEST(Augmentation, WithoutAnyThereIsNoChange) {
  Augmenter nothing;
  EXPECT_THAT(nothing.changes(0, up_to(5)), testing::IsEmpty());
  EXPECT_THAT(drawn({}, 3, up_to(5)), testing::IsEmpty());
}

/// Whether `count` of `of` is within five standard deviations of a share p.
void expect_share(Index count, Index of, double p) {
  EXPECT_NEAR(static_cast<double>(count), static_cast<double>(of) * p,
              5 * std::sqrt(static_cast<double>(of) * p * (1 - p)));
}

TEST(Augmentation, EveryChangeIsEquallyLikely) {
  constexpr Index count = 60000;
  const auto changes = drawn({Flip::random, 2, 28}, 1, up_to(count));
  std::map<bool, Index> flips;
  std::map<std::pair<bool, std::pair<int, int>>, Index> shifts;
  std::map<std::pair<int, int>, Index> holes;
  for (const PictureChange& change : changes) {
    ++flips[change.mirrored];
    ++shifts[{change.mirrored, {change.down, change.right}}];
    ++holes[{change.hole_top, change.hole_left}];
    EXPECT_EQ(change.hole_size, 28);
  }
  expect_share(flips[true], count, 0.5);
  EXPECT_EQ(shifts.size(), 2U * 25U);  // −2 … 2 in both directions
  for (const auto& [shift, times] : shifts) expect_share(times, count, 0.5 / 25);
  EXPECT_EQ(holes.size(), 5U * 3U);  // 0 … 4 down, 0 … 2 across
  for (const auto& [hole, times] : holes) expect_share(times, count, 1.0 / 15);
  EXPECT_EQ(shifts.begin()->first.second.first, -2);
  EXPECT_EQ(shifts.rbegin()->first.second.second, 2);
}

TEST(Augmentation, EpochsSeedsAndNeighboursAreIndependent) {
  constexpr Index count = 20000;
  const Augmentation flips{Flip::random, 0, 0};
  const auto same = [](const auto& a, const auto& b, std::size_t apart) {
    Index equal = 0;
    for (std::size_t k = 0; k + apart < a.size(); ++k) equal += a[k + apart].mirrored == b[k].mirrored ? 1 : 0;
    return equal;
  };
  const auto first = drawn(flips, 0, up_to(count));
  expect_share(same(first, drawn(flips, 1, up_to(count)), 0), count, 0.5);
  expect_share(same(first, drawn(flips, 0, up_to(count), 2), 0), count, 0.5);
  expect_share(same(first, first, 1), count, 0.5);
}

TEST(Augmentation, DependsOnSeedEpochAndNumberAlone) {
  const Augmentation all{Flip::random, 3, 5};
  const auto whole = drawn(all, 7, up_to(500));
  const std::vector<Index> some{499, 3, 250, 3};
  const auto changes = drawn(all, 7, some);
  for (std::size_t k = 0; k < some.size(); ++k) EXPECT_EQ(changes[k], whole[static_cast<std::size_t>(some[k])]);
  Augmenter goes_on(all, shape, 1);
  for (const Index epoch : {0, 6, 7}) {
    const auto later = goes_on.changes(epoch, up_to(500));
    EXPECT_EQ(std::ranges::equal(later, whole), epoch == 7);
  }
}

TEST(Augmentation, AlternatingFlipsShowTheOtherSideInEveryEpoch) {
  const Augmentation alternating{Flip::alternating, 2, 0};
  const auto first = drawn(alternating, 0, up_to(1000));
  const auto random = drawn({Flip::random, 2, 0}, 0, up_to(1000));
  EXPECT_EQ(first, random);
  Index shifted_anew = 0;
  for (const Index epoch : {1, 2, 3, 10, 11}) {
    const auto later = drawn(alternating, epoch, up_to(1000));
    for (std::size_t k = 0; k < later.size(); ++k) {
      EXPECT_EQ(later[k].mirrored, first[k].mirrored != (epoch % 2 == 1));
      shifted_anew += later[k].down != first[k].down ? 1 : 0;
    }
  }
  EXPECT_GT(shifted_anew, 3000);
}

// Runs are resumed and compared across versions: these choices must never change.
TEST(Augmentation, IsForEver) {
  const auto changes = drawn({Flip::random, 4, 8}, 2, up_to(4));
  std::vector<std::int32_t> numbers;
  for (const PictureChange& c : changes)
    numbers.insert(numbers.end(), {c.mirrored ? 1 : 0, c.down, c.right, c.hole_top, c.hole_left});
  EXPECT_EQ(numbers, (std::vector<std::int32_t>{1, 4, -4, 22, 14, 1, -1, -1, 8, 8, 1, 3, -3, 18, 19, 1, -3, -2, 9, 1}));
}

}  // namespace
}  // namespace sibp
