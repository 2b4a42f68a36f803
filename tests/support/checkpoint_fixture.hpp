#pragma once

// Small checkpoints in a folder of a test's own.

#include "sibp/trainer/checkpoint.hpp"

#include "support/temporary_folder.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace sibp::testing_support {

/// A checkpoint of a network of 3 weights whose step can be told from its content.
inline Checkpoint checkpoint_of(Index step) {
  Checkpoint checkpoint;
  checkpoint.state = {.step = step, .samples = 10 * step, .seconds = 0.5, .interval = {}};
  checkpoint.run = {.steps = 100, .batches_per_epoch = 7, .training_samples = 70, .ranks = 2, .metrics_bytes = 5};
  checkpoint.method_numbers = {{"steps", step}};
  checkpoint.tensors.tensors["layers.0.weight"] = {{1, 2}, {Real(step), Real(2)}};
  checkpoint.tensors.tensors["layers.0.bias"] = {{1}, {Real(3)}};
  checkpoint.config = "seed = 1\n";
  return checkpoint;
}

inline void save(CheckpointFolder& folder, Index step) {
  folder.save(step, to_files(checkpoint_of(step)));
}

/// The step of the newest checkpoint that loads, having checked that it is whole; −1 if there is none.
inline Index newest_step(const std::filesystem::path& path) {
  const auto newest = read_newest_checkpoint(CheckpointFolder(path));
  if (!newest) return -1;
  const Checkpoint& found = newest->checkpoint;
  EXPECT_EQ(found.tensors.tensors.at("layers.0.weight").values[0], Real(found.state.step));
  EXPECT_EQ(found.method_numbers.at("steps"), found.state.step);
  return found.state.step;
}

class CheckpointFolderTest : public testing::Test {
 protected:
  TemporaryFolder scratch_;
  std::filesystem::path path_ = scratch_.path() / "checkpoints";
  CheckpointFolder folder_{path_};
};

}  // namespace sibp::testing_support
