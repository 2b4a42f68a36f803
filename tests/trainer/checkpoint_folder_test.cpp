// Folders of checkpoints: what a save leaves, what is found there, and disks that fail.
#include "sibp/trainer/checkpoint_folder.hpp"

#include "sibp/core/sha256.hpp"

#include "support/checkpoint_fixture.hpp"
#include "support/file_limits.hpp"
#include "support/files.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing_support::checkpoint_of;
using testing_support::CheckpointFolderTest;
using testing_support::expect_error;
using testing_support::newest_step;
using testing_support::save;
using testing_support::TemporaryFolder;

TEST_F(CheckpointFolderTest, SavesPrunesAndFindsTheNewest) {
  EXPECT_TRUE(folder_.steps().empty());
  EXPECT_EQ(newest_step(path_), -1);
  for (const Index step : {5, 10, 123456789, 15}) save(folder_, step);
  EXPECT_THAT(folder_.steps(), ElementsAre(5, 10, 15, 123456789));
  folder_.prune(2);
  EXPECT_THAT(folder_.steps(), ElementsAre(15, 123456789));
  EXPECT_EQ(newest_step(path_), 123456789);
  EXPECT_EQ(folder_.path_of(15).filename(), "step-00000015");
}

TEST_F(CheckpointFolderTest, PruningKeepsTheOneThatWasVerified) {
  for (const Index step : {5, 10, 80, 90}) save(folder_, step);
  folder_.prune(2, 10);
  EXPECT_THAT(folder_.steps(), ElementsAre(10, 90));
  folder_.prune(1, 10);
  EXPECT_THAT(folder_.steps(), ElementsAre(10));
}

TEST_F(CheckpointFolderTest, PruningKeepsTheBest) {
  for (const Index step : {5, 10, 80, 90}) save(folder_, step);
  folder_.prune(2, 90, 5);
  EXPECT_THAT(folder_.steps(), ElementsAre(5, 80, 90));
  folder_.prune(2, 90, 80);
  EXPECT_THAT(folder_.steps(), ElementsAre(80, 90));
}

TEST_F(CheckpointFolderTest, NumbersThatAreNotFiniteAreNotGoneOnFrom) {
  save(folder_, 10);
  Checkpoint diverged = checkpoint_of(20);
  diverged.tensors.tensors["layers.0.bias"].values[0] = std::numeric_limits<Real>::quiet_NaN();
  folder_.save(20, to_files(diverged));
  expect_error(ExitStatus::model, {"step-00000020", "layers.0.bias", "not finite"},
               [&] { read_checkpoint(folder_.path_of(20)); });
  EXPECT_EQ(newest_step(path_), 10);
}

TEST_F(CheckpointFolderTest, ACopyOfACheckpointInThePlaceOfLatestGivesWay) {
  save(folder_, 1);
  fs::remove(path_ / "latest");
  fs::copy(folder_.path_of(1), path_ / "latest");
  save(folder_, 2);
  EXPECT_EQ(fs::read_symlink(path_ / "latest"), "step-00000002");
}

TEST_F(CheckpointFolderTest, LatestPointsAtTheNewestSave) {
  save(folder_, 1);
  save(folder_, 2);
  EXPECT_EQ(fs::read_symlink(path_ / "latest"), "step-00000002");
  EXPECT_EQ(read_checkpoint(path_ / "latest").state.step, 2);
}

TEST_F(CheckpointFolderTest, EverythingComesBack) {
  Checkpoint written = checkpoint_of(42);
  written.state.interval = {.steps = 3,
                            .samples = 30,
                            .sums = {0.1 + 0.2, 17},
                            .eta = 1.0 / 3,
                            .lambda = {1e-300, 1e300},
                            .bytes_reduced = 1'000'000'000'000,
                            .collectives = {},
                            .seconds = {1, 2, 3, 4, 5, 6}};
  written.state.interval.collectives[Collective::gather] = {0.7, 0.1};
  folder_.save(42, to_files(written));
  const Checkpoint read = read_checkpoint(folder_.path_of(42));
  EXPECT_TRUE(read.state == written.state);
  EXPECT_EQ(read.run.metrics_bytes, 5);
  EXPECT_EQ(read.run.batches_per_epoch, 7);
  EXPECT_EQ(read.config, written.config);
}

TEST_F(CheckpointFolderTest, AWholeOneIsNotWrittenAgainAndADamagedOneIs) {
  save(folder_, 3);
  Checkpoint other = checkpoint_of(3);
  other.config = "seed = 2\n";
  folder_.save(3, to_files(other));
  EXPECT_EQ(read_checkpoint(folder_.path_of(3)).config, "seed = 1\n");
  fs::remove(folder_.path_of(3) / "state.json");
  folder_.save(3, to_files(other));
  EXPECT_EQ(read_checkpoint(folder_.path_of(3)).config, "seed = 2\n");
  EXPECT_TRUE(fs::exists(path_ / "damaged-00000003"));
}

TEST_F(CheckpointFolderTest, ACheckpointIsOfItsStepAndItsRun) {
  Checkpoint own = checkpoint_of(3);
  own.run.run = "own";
  own.run.data = {1, 2, 3};
  folder_.save(3, to_files(own));
  EXPECT_EQ(read_checkpoint(folder_.path_of(3), "own").run.run, "own");
  EXPECT_EQ(read_checkpoint(folder_.path_of(3)).run.data, own.run.data);
  expect_error(ExitStatus::model, {"of the run own", "of the run other"},
               [&] { read_checkpoint(folder_.path_of(3), "other"); });
  fs::rename(folder_.path_of(3), folder_.path_of(80));
  expect_error(ExitStatus::model, {"named as step 80", "holds step 3"}, [&] { read_checkpoint(folder_.path_of(80)); });
  fs::create_directory_symlink("step-00000080", path_ / "link");
  expect_error(ExitStatus::model, {"named as step 80"}, [&] { read_checkpoint(path_ / "link"); });
  fs::rename(folder_.path_of(80), path_ / "best");  // a name that says nothing
  EXPECT_EQ(read_checkpoint(path_ / "best").state.step, 3);
}

TEST_F(CheckpointFolderTest, OnlyTheSameIsNotWrittenAgain) {
  Checkpoint own = checkpoint_of(3);
  own.run.run = "own";
  own.run.data = {1, 2, 3};
  const auto expect_same = [&](const Checkpoint& there, bool same) {
    fs::remove_all(path_);
    folder_.save(3, to_files(there));
    EXPECT_EQ(is_checkpoint_of(folder_.path_of(3), own.run, 3), same);
    folder_.save(3, to_files(own), [&](const fs::path& found) { return is_checkpoint_of(found, own.run, 3); });
    EXPECT_EQ(fs::exists(path_ / "damaged-00000003"), !same);
    EXPECT_EQ(read_checkpoint(folder_.path_of(3)).run.run, same ? there.run.run : "own");
  };
  expect_same(own, true);
  expect_same(checkpoint_of(3), true);  // of version 0.1, which names neither run nor data
  expect_same(checkpoint_of(4), false);
  Checkpoint other = own;
  other.run.run = "other";
  expect_same(other, false);
  other = own;
  other.run.data->test = 4;
  expect_same(other, false);
}

TEST_F(CheckpointFolderTest, AManifestNamesJustItsFiles) {
  save(folder_, 3);
  const fs::path checkpoint = folder_.path_of(3);
  system_files().write(checkpoint / ".nfs0001", "of the system");
  EXPECT_NO_THROW(verify_checkpoint(checkpoint));
  system_files().write(checkpoint / "more", "");
  expect_error(ExitStatus::model, {"does not name more"}, [&] { verify_checkpoint(checkpoint); });
  system_files().write(checkpoint / "manifest.json", manifest_of({}));
  expect_error(ExitStatus::model, {"names no file"}, [&] { verify_checkpoint(checkpoint); });
}

TEST_F(CheckpointFolderTest, LeftoversAreNeitherSeenNorKept) {
  save(folder_, 3);
  fs::create_directory(path_ / "tmp-step-00000009");
  scratch_.write("checkpoints/tmp-step-00000009/state.json", "half");
  fs::create_directory(path_ / "step-9");  // no name of ours
  EXPECT_THAT(folder_.steps(), ElementsAre(3));
  folder_.clean_up();
  EXPECT_FALSE(fs::exists(path_ / "tmp-step-00000009"));
  EXPECT_EQ(newest_step(path_), 3);
}

TEST_F(CheckpointFolderTest, WhereNoneCanBeUsedEachIsNamed) {
  save(folder_, 3);
  save(folder_, 4);
  for (const Index step : {3, 4}) fs::resize_file(folder_.path_of(step) / "weights.safetensors", 5);
  expect_error(ExitStatus::model,
               {"step-00000003", "step-00000004", "weights.safetensors is damaged: it has 5 bytes, expected"},
               [&] { read_newest_checkpoint(folder_); });
}

// --- disks ---

TEST_F(CheckpointFolderTest, AFullDiskLeavesTheOlderOne) {
  const testing_support::SmallDisk disk(path_);
  if (disk.reason() != 0) GTEST_SKIP() << "no small file system can be mounted here: " << std::strerror(disk.reason());
  save(folder_, 10);
  Checkpoint large = checkpoint_of(20);
  large.tensors.tensors["layers.0.weight"] = {{1, 50000}, std::vector<Real>(50000)};
  expect_error(ExitStatus::runtime, {"weights.safetensors", "No space left"},
               [&] { folder_.save(20, to_files(large)); });
  EXPECT_EQ(newest_step(path_), 10);
  save(folder_, 30);
  EXPECT_EQ(newest_step(path_), 30);
}

TEST_F(CheckpointFolderTest, AReadOnlyFolderIsNamed) {
  const testing_support::SmallDisk disk(path_);
  if (disk.reason() != 0) GTEST_SKIP() << "no small file system can be mounted here: " << std::strerror(disk.reason());
  save(folder_, 10);
  disk.make_read_only();
  expect_error(ExitStatus::runtime, {"step-00000020", "Read-only"}, [&] { save(folder_, 20); });
  EXPECT_EQ(newest_step(path_), 10);
}

TEST_F(CheckpointFolderTest, AWriteThatFailsInTheMiddleIsNamed) {
  save(folder_, 10);
  {
    const testing_support::FileSizeLimit limit(50);
    expect_error(ExitStatus::runtime, {"state.json", "File too large"}, [&] { save(folder_, 20); });
  }
  EXPECT_EQ(newest_step(path_), 10);
}

TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const TemporaryFolder folder;
  EXPECT_EQ(sha256_of_file(folder.write("abc", "abc")), sha256("abc"));
  EXPECT_THROW(sha256_of_file(folder.path() / "none"), std::system_error);
}

}  // namespace
}  // namespace sibp
