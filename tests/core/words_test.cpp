#include "sibp/core/words.hpp"

#include <array>

#include <gtest/gtest.h>

namespace sibp {
namespace {

constexpr std::array<std::string_view, 4> words{"hidden", "help", "epochs", "train"};

TEST(Words, TheNearestIsAtMostAThirdOfItsLettersAway) {
  EXPECT_EQ(nearest_word("hiden", words), "hidden");
  EXPECT_EQ(nearest_word("hiddden", words), "hidden");
  EXPECT_EQ(nearest_word("hodden", words), "hidden");
  EXPECT_EQ(nearest_word("trian", words), "train");  // neighbours exchanged count once
  EXPECT_EQ(nearest_word("hxxden", words), "hidden");
  EXPECT_EQ(nearest_word("hxxxen", words), "");
  EXPECT_EQ(nearest_word("", words), "");
  EXPECT_EQ(nearest_word("x", {}), "");
}

TEST(Words, AMeantWordIsSaidWithItsPrefix) {
  EXPECT_EQ(did_you_mean("epoch", words, "--"), "; did you mean --epochs?");
  EXPECT_EQ(did_you_mean("something", words), "");
}

TEST(Words, OneThingAloneIsSingular) {
  EXPECT_EQ(counted(1, "rank"), "1 rank");
  EXPECT_EQ(counted(0, "rank"), "0 ranks");
  EXPECT_EQ(counted(1234567, "thread"), "1234567 threads");
}

}  // namespace
}  // namespace sibp
