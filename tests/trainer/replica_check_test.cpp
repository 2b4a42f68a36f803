// Weights that differ over ranks are found within the steps of a check.
#include "support/files.hpp"
#include "support/training_fixture.hpp"

#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing_support::expect_error;

/// Flips a bit of one weight on one rank after a step.
class Replicas : public testing_support::TrainingTest {
 protected:
  void flip_after(Index step, int rank, std::size_t layer, Index element, int bit) {
    recorder_.after_step = [=, this](Index done) {
      if (done != step || world_.rank() != rank) return;
      auto* bytes = reinterpret_cast<unsigned char*>(network_->parameters[layer].matrix.view().data + element);
      bytes[static_cast<std::size_t>(bit) / 8] ^= static_cast<unsigned char>(1 << bit % 8);
    };
  }
};

TEST_F(Replicas, AFlippedBitIsFoundWithinTheStepsOfACheckThirtyTimesOfThirty) {
  if (world_.size() == 1) GTEST_SKIP() << "one rank has nobody to compare with";
  options_.log_every = 0;
  options_.evaluate_every = 100;
  std::mt19937_64 random(3);
  constexpr Index check_every = 4;
  for (int k = 0; k < 30; ++k) {
    const auto step = static_cast<Index>(random() % 8) + 1;  // a check follows within 12 steps
    const int rank = static_cast<int>(random() % static_cast<unsigned>(world_.size()));
    const std::size_t layer = random() % 3;
    // Bits of the mantissa that are too small to see in the loss, and too large to vanish in the rounding of an update.
    const int bit = (sizeof(Real) == 4 ? 12 : 40) + static_cast<int>(random() % 11);
    flip_after(step, rank, layer, static_cast<Index>(random() % 30), bit);
    SCOPED_TRACE(fmt::format("step {}, rank {}, layer {}", step, rank, layer + 1));
    const Index found = (step + check_every - 1) / check_every * check_every;
    // By then the steps have spread the difference over layers, and perhaps over ranks.
    expect_error(ExitStatus::disagree, {fmt::format("after step {} ", found), "layer", "rank"},
                 [&] { run({}, {.check_every = check_every}); });
  }
}

TEST_F(Replicas, TheRankAndTheLayerAreNamed) {
  if (world_.size() == 1) GTEST_SKIP() << "one rank has nobody to compare with";
  const int last = world_.size() - 1;
  flip_after(4, last, 1, 3, 0);
  const std::string who =
      world_.size() == 2 ? "are not the same on ranks 0 and 1" : fmt::format("on rank {} are not those", last);
  expect_error(ExitStatus::disagree, {"after step 4 the weights of layer 2 " + who},
               [&] { run({}, {.check_every = 1}); });
}

TEST_F(Replicas, NoCheckpointHoldsWeightsThatDiffer) {
  if (world_.size() == 1) GTEST_SKIP() << "one rank has nobody to compare with";
  options_.method = default_options(Method::adam);
  flip_after(6, 0, 0, 0, 0);
  expect_error(ExitStatus::disagree, {"after step 8"}, [&] { run(path_ / "kept", {.checkpoint_every = 4}); });
  world_.barrier();
  EXPECT_THAT(CheckpointFolder(path_ / "kept").steps(), testing::ElementsAre(4));
}

}  // namespace
}  // namespace sibp
