#include "sibp/app/report/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing::HasSubstr;
using testing::Not;

RunSummary example() {
  RunSummary summary;
  summary.network = "784-500-10";
  summary.parameters = 397510;
  summary.dataset = "mnist";
  summary.training_samples = 60000;
  summary.test_samples = 10000;
  summary.ranks = 2;
  summary.final = {.step = 3000, .epoch = 5, .train = {.loss = 0.01, .accuracy = 0.999}};
  summary.final.test = {.loss = 0.07, .accuracy = 0.9812};
  summary.final.seconds_total = 30;
  summary.mean_phases = {
      .forward = 0.002, .backward = 0.001, .solve = 0.006, .communication = 0.0005, .reading = 0.0005};
  summary.folder = "runs/x";
  return summary;
}

TEST(Summary, SaysWhatWasDoneHowWellHowFastAndWhere) {
  EXPECT_EQ(
      summary_text(example()),
      "Trained 784-500-10 (397510 parameters) on mnist: 60000 samples for training, 10000 for the test\n"
      "  length     3000 steps (5.00 epochs) in 30 s on 2 ranks of 1 thread\n"
      "  train      loss 0.0100, accuracy 99.90 %\n"
      "  test       loss 0.0700, accuracy 98.12 %\n"
      "  speed      10000 samples/s, 10.00 ms a step: forward 20 %, backward 10 %, solve 60 %, communication 5 %, "
      "reading 5 %\n"
      "  results    runs/x\n");
}

TEST(Summary, ShowsValidationWhereThereIsSome) {
  RunSummary summary = example();
  summary.validation_samples = 5000;
  summary.final.validation = {.loss = 0.08, .accuracy = 0.97};
  EXPECT_THAT(summary_text(summary), HasSubstr(", 5000 for validation,"));
  EXPECT_THAT(summary_text(summary), HasSubstr("  validation loss 0.0800, accuracy 97.00 %\n"));
}

TEST(Summary, HasNoSpeedWithoutTime) {
  RunSummary summary = example();
  summary.final.seconds_total = 0;
  EXPECT_THAT(summary_text(summary), Not(HasSubstr("speed")));
}

TEST(PhaseMeans, AreWeightedBySteps) {
  PhaseMeans means;
  EXPECT_EQ(means.means().solve, 0);
  means.on_record({.step = 30, .seconds = {.solve = 1}});
  means.on_record({.step = 40, .seconds = {.solve = 5}});
  means.on_record({.step = 40, .seconds = {.solve = 9}, .is_final = true});  // tells of no step
  EXPECT_DOUBLE_EQ(means.means().solve, 2);
}

TEST(Observers, AllAreTold) {
  PhaseMeans a;
  PhaseMeans b;
  Observers both({&a, nullptr, &b});
  both.on_step(1, 2, 0.5, 3);
  both.on_record({.step = 1, .seconds = {.forward = 3}});
  EXPECT_EQ(a.means().forward, 3);
  EXPECT_EQ(b.means().forward, 3);
}

}  // namespace
}  // namespace sibp
