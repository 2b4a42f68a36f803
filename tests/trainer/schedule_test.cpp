#include "sibp/trainer/schedule.hpp"

#include "sibp/trainer/trainer.hpp"
#include "sibp/update/method_options.hpp"

#include "support/networks.hpp"
#include "support/small_conv_nets.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(Schedule, DefaultStepSizeFallsWithDepth) {
  EXPECT_EQ(default_step_size({}, testing_support::chain_of(1)), 3);
  EXPECT_EQ(default_step_size({}, testing_support::chain_of(3)), 2);
  EXPECT_EQ(default_step_size({}, testing_support::chain_of(12)), 0.5);
  MethodOptions relative;
  relative.step = {StepRule::Kind::relative, 0.1};
  EXPECT_EQ(default_step_size(relative, testing_support::chain_of(1)), 1);
  EXPECT_EQ(default_step_size(relative, testing_support::chain_of(8)), 0.5);
}

TEST(Schedule, DefaultDecayForgetsInTwoEpochs) {
  const NetworkSpec chain = testing_support::chain_of(2);
  for (const double eta : {3, 4}) EXPECT_EQ(default_weight_decay({}, chain, eta, 100, 5000), 0.01);
  EXPECT_EQ(default_weight_decay({}, chain, 0.75, 100, 5000), 0.0025);
  EXPECT_EQ(default_weight_decay(default_options(Method::sgd), chain, 3, 100, 5000), 0);
  EXPECT_EQ(default_weight_decay({}, testing_support::parse_small(testing_support::small_conv_nets[0]), 3, 100, 5000),
            0);
}

TEST(Schedule, DefaultDampingIsThatOfTheStepRule) {
  const NetworkSpec chain = testing_support::chain_of(2);
  EXPECT_EQ(settled({}, chain).damping->value, 2);
  MethodOptions relative;
  relative.step = {StepRule::Kind::relative, 0.1};
  EXPECT_EQ(settled(relative, chain).damping->value, 1);
  EXPECT_EQ(settled({}, testing_support::parse_small(testing_support::small_conv_nets[0])).damping->value, 1);
}

TEST(Schedule, DefaultStepsOfConvolutionsGrowWithTheBatchWithinLimits) {
  const NetworkSpec convolutions = testing_support::parse_small(testing_support::small_conv_nets[0]);
  const auto kappa = [&](Index batch) { return settled({}, convolutions, batch).step->kappa; };
  EXPECT_EQ(kappa(0), 0.03);
  EXPECT_EQ(kappa(500), 0.03);
  EXPECT_EQ(kappa(2000), 0.06);
  EXPECT_EQ(kappa(1250), 0.047);
  EXPECT_EQ(kappa(5000), 0.08);
  EXPECT_EQ(settled({}, testing_support::chain_of(2), 5000).step->kind, StepRule::Kind::fixed);
  MethodOptions given;
  given.step = {StepRule::Kind::newton_muon, 0.02};
  EXPECT_EQ(settled(given, convolutions, 5000).step->kappa, 0.02);
}

TEST(Schedule, LinearAndCosineEndNearZeroAndConstantStays) {
  TrainingOptions options;
  EXPECT_EQ(eta_at(options, 2, 0, 10), 2);
  EXPECT_NEAR(eta_at(options, 2, 9, 10), 0.2, 1e-12);
  options.schedule = Schedule::cosine;
  EXPECT_EQ(eta_at(options, 2, 0, 10), 2);
  EXPECT_NEAR(eta_at(options, 2, 5, 10), 1, 1e-12);
  options.schedule = Schedule::constant;
  EXPECT_EQ(eta_at(options, 2, 9, 10), 2);
}

TEST(Schedule, WarmUpRisesAndTheScheduleFollows) {
  TrainingOptions options;
  options.warmup_steps = 4;
  for (Index step = 0; step < 4; ++step)
    EXPECT_NEAR(eta_at(options, 1, step, 12), 0.25 * static_cast<double>(step + 1), 1e-12);
  EXPECT_EQ(eta_at(options, 1, 4, 12), 1);
  EXPECT_NEAR(eta_at(options, 1, 8, 12), 0.5, 1e-12);
}

TEST(Schedule, StepsOverrideEpochs) {
  TrainingOptions options;
  options.epochs = 3;
  EXPECT_EQ(total_steps(options, 7), 21);
  options.steps = 5;
  EXPECT_EQ(total_steps(options, 7), 5);
}

}  // namespace
}  // namespace sibp
