// When a training writes checkpoints, which it keeps, and what becomes of it where one cannot be written.
#include "support/files.hpp"
#include "support/training_fixture.hpp"

#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing_support::expect_error;
using Writing = testing_support::TrainingTest;

TEST_F(Writing, CheckpointsComeAtTheirStepsAndTheNewestAreKept) {
  run(path_ / "every", {.checkpoint_every = 5});
  EXPECT_THAT(CheckpointFolder(path_ / "every").steps(), testing::ElementsAre(10, 12));
}

TEST_F(Writing, WeightsThatAreNotFiniteAreNotSaved) {
  for (const Real value : {std::numeric_limits<Real>::quiet_NaN(), std::numeric_limits<Real>::infinity()}) {
    SCOPED_TRACE(value);
    recorder_.after_step = [=, this](Index step) {
      if (step == 6) network_->parameters[1].matrix.view()(2, 3) = value;
    };
    const auto folder = path_ / fmt::format("diverged{}", value);
    expect_error(ExitStatus::diverged, {"weights of layer 2", "step 6"}, [&] { run(folder, {.checkpoint_every = 1}); });
    world_.barrier();
    EXPECT_THAT(CheckpointFolder(folder).steps(), testing::ElementsAre(4, 5));
    EXPECT_EQ(read_newest_checkpoint(CheckpointFolder(folder))->checkpoint.state.step, 5);
  }
}

TEST_F(Writing, AFirstCheckpointThatCannotBeWrittenEndsTheRunOnEveryRank) {
  const auto file = world_.is_root() ? scratch_.write("file", "") : path_ / "file";
  world_.barrier();
  expect_error(ExitStatus::runtime, {"file/below"}, [&] {
    options_.steps = 500;
    run(file / "below", {.checkpoint_every = 1});
  });
}

/// From one step to another a folder stands where a checkpoint's link is to be put.
std::function<void(Index)> block(const std::filesystem::path& folder, Index from, Index to) {
  return [=](Index step) {
    if (step == from) {
      std::filesystem::remove(folder / "latest");
      std::filesystem::create_directories(folder / "latest" / "in the way");
    }
    if (step == to) std::filesystem::remove_all(folder / "latest");
  };
}

TEST_F(Writing, ALaterCheckpointThatCannotBeWrittenDoesNotEndTheRun) {
  const auto folder = path_ / "blocked";
  if (world_.is_root()) recorder_.after_step = block(folder, 5, 9);
  const Outcome outcome = run(folder, {.checkpoint_every = 2});
  EXPECT_EQ(outcome.result.step, 12);
  EXPECT_FALSE(outcome.result.stopped);
  EXPECT_EQ(std::filesystem::read_symlink(folder / "latest"), "step-00000012");
}

TEST_F(Writing, ALastCheckpointThatCannotBeWrittenIsAnError) {
  const auto folder = path_ / "blocked-at-the-end";
  if (world_.is_root()) recorder_.after_step = block(folder, 9, -1);
  expect_error(ExitStatus::runtime, {"latest"}, [&] { run(folder, {.checkpoint_every = 4}); });
}

}  // namespace
}  // namespace sibp
