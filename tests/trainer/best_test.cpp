// The best value of a run, and a loss that is beyond hope.
#include "sibp/trainer/best.hpp"

#include "sibp/trainer/divergence.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(BestValue, TheFirstOfTheBestCounts) {
  Best best;
  EXPECT_TRUE(improve(best, Measure::validation_accuracy, 3, {.loss = 1, .accuracy = 0.5}));
  EXPECT_FALSE(improve(best, Measure::validation_accuracy, 6, {.loss = 0.1, .accuracy = 0.5}));
  EXPECT_FALSE(improve(best, Measure::validation_accuracy, 9, {.loss = 0.1, .accuracy = 0.4}));
  EXPECT_TRUE(improve(best, Measure::validation_accuracy, 12, {.loss = 2, .accuracy = 0.6}));
  EXPECT_EQ(best.step, 12);
  EXPECT_EQ(best.value, 0.6);
}

TEST(BestValue, ASmallerLossIsBetterAndAnotherMeasureBeginsAnew) {
  Best best{Measure::validation_accuracy, 3, 0.01};
  EXPECT_TRUE(improve(best, Measure::validation_loss, 6, {.loss = 2, .accuracy = 0.9}));
  EXPECT_FALSE(improve(best, Measure::validation_loss, 9, {.loss = 2.5, .accuracy = 1}));
  EXPECT_TRUE(improve(best, Measure::validation_loss, 12, {.loss = 1.5, .accuracy = 0}));
  EXPECT_EQ(best.step, 12);
  EXPECT_EQ(best.value, 1.5);
}

/// Adds so many losses; the last answer.
bool add(Divergence& divergence, double loss, Index count) {
  bool has_diverged = false;
  for (Index k = 0; k < count; ++k) has_diverged = divergence.add(loss);
  return has_diverged;
}

TEST(DivergenceOfALoss, ManyStepsFarAboveTheFirst) {
  Divergence divergence;
  divergence.add(2.3);
  EXPECT_FALSE(divergence.is_beyond(2300));
  EXPECT_TRUE(divergence.is_beyond(2301));
  EXPECT_FALSE(add(divergence, 3000, Divergence::patience - 1));
  EXPECT_TRUE(divergence.add(3000));
}

TEST(DivergenceOfALoss, AReturnBelowTheLimitBeginsAnew) {
  Divergence divergence;
  divergence.add(2.3);
  EXPECT_FALSE(add(divergence, 1e24, Divergence::patience - 1));
  EXPECT_FALSE(divergence.add(1000));
  EXPECT_FALSE(add(divergence, 1e24, Divergence::patience - 1));
}

TEST(DivergenceOfALoss, AStartThatIsNearlyPerfectMayGetWorse) {
  Divergence divergence;
  divergence.add(1e-6);
  EXPECT_FALSE(add(divergence, 2.3, 10 * Divergence::patience));
}

}  // namespace
}  // namespace sibp
