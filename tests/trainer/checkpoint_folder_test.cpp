// Folders of checkpoints: what a save leaves at every moment, and what damage is noticed.
#include "sibp/trainer/checkpoint_folder.hpp"

#include "sibp/core/file.hpp"
#include "sibp/core/sha256.hpp"
#include "sibp/trainer/checkpoint.hpp"

#include "support/file_limits.hpp"
#include "support/files.hpp"

#include <cstring>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::expect_error;
using testing_support::TemporaryFolder;

/// A checkpoint of a network of 3 weights whose step can be told from its content.
Checkpoint checkpoint_of(Index step) {
  Checkpoint checkpoint;
  checkpoint.state = {.step = step, .samples = 10 * step, .seconds = 0.5, .interval = {}};
  checkpoint.run = {.steps = 100, .batches_per_epoch = 7, .training_samples = 70, .ranks = 2, .metrics_bytes = 5};
  checkpoint.method_numbers = {{"steps", step}};
  checkpoint.tensors.tensors["layers.0.weight"] = {{1, 2}, {Real(step), Real(2)}};
  checkpoint.tensors.tensors["layers.0.bias"] = {{1}, {Real(3)}};
  checkpoint.config = "seed = 1\n";
  return checkpoint;
}

void save(CheckpointFolder& folder, Index step) {
  folder.save(step, to_files(checkpoint_of(step)));
}

/// The step of the newest checkpoint that loads, having checked that it is whole; −1 if there is none.
Index newest_step(const fs::path& path) {
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
  fs::path path_ = scratch_.path() / "checkpoints";
  CheckpointFolder folder_{path_};
};

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
                            .seconds_hidden = 0.7,
                            .seconds = {1, 2, 3, 4, 5, 6}};
  folder_.save(42, to_files(written));
  const Checkpoint read = read_checkpoint(folder_.path_of(42));
  EXPECT_EQ(std::memcmp(&read.state, &written.state, sizeof read.state), 0);
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

// --- a power cut after every operation ---

struct PowerCut {};

/// Carries out so many operations and then none. The content of files that were not flushed is lost with the power.
class CutOff final : public FileOperations {
 public:
  explicit CutOff(int operations) : left_(operations) {}

  void make_folder(const fs::path& path) override {
    tick();
    FileOperations::make_folder(path);
  }
  void write(const fs::path& path, std::string_view content) override {
    if (left_ == 0) FileOperations::write(path, content.substr(0, content.size() / 2));  // in the middle of it
    tick();
    FileOperations::write(path, content);
    unflushed_.push_back(path);
  }
  void flush(const fs::path& path) override {
    tick();
    FileOperations::flush(path);
    std::erase(unflushed_, path);
  }
  void rename(const fs::path& from, const fs::path& to) override {
    tick();
    FileOperations::rename(from, to);
    for (fs::path& path : unflushed_) {
      if (path.parent_path() == from) path = to / path.filename();
    }
  }
  void make_link(const fs::path& target, const fs::path& path) override {
    tick();
    FileOperations::make_link(target, path);
  }
  void remove(const fs::path& path) override {
    tick();
    FileOperations::remove(path);
  }

  void lose_what_was_not_flushed() const {
    for (const fs::path& path : unflushed_) {
      if (fs::exists(path)) fs::resize_file(path, 0);
    }
  }
  [[nodiscard]] bool has_cut() const { return has_cut_; }

 private:
  void tick() {
    if (left_-- > 0) return;
    has_cut_ = true;
    throw PowerCut{};
  }

  int left_;
  bool has_cut_ = false;
  std::vector<fs::path> unflushed_;
};

TEST_F(CheckpointFolderTest, AfterEveryOperationOfASaveTheFolderLoads) {
  const fs::path before = scratch_.path() / "before";
  CheckpointFolder prepared(before);
  for (const Index step : {10, 20}) save(prepared, step);
  int operations = 0;
  for (bool is_cut = true; is_cut; ++operations) {
    for (const bool power_is_lost : {false, true}) {
      SCOPED_TRACE(operations);
      fs::remove_all(path_);
      fs::copy(before, path_, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
      CutOff files(operations);
      try {
        CheckpointFolder folder(path_, files);
        save(folder, 30);
        folder.prune(2);
      } catch (const PowerCut&) {
        if (power_is_lost) files.lose_what_was_not_flushed();
      }
      is_cut = files.has_cut();
      const Index step = newest_step(path_);
      EXPECT_TRUE(step == 20 || step == 30) << step;
      EXPECT_EQ(read_checkpoint(path_ / "latest").state.step % 10, 0);
      // What goes on from there finds nothing in its way.
      folder_.clean_up();
      save(folder_, 30);
      save(folder_, 40);
      folder_.prune(2);
      EXPECT_THAT(folder_.steps(), ElementsAre(30, 40));
      EXPECT_EQ(newest_step(path_), 40);
    }
  }
  EXPECT_GT(operations, 15);  // every file, flush and rename was one
}

TEST_F(CheckpointFolderTest, TheFirstSaveOfAllIsWholeOrNotThere) {
  int operations = 0;
  for (bool is_cut = true; is_cut; ++operations) {
    fs::remove_all(path_);
    CutOff files(operations);
    try {
      CheckpointFolder folder(path_, files);
      save(folder, 30);
    } catch (const PowerCut&) {
      files.lose_what_was_not_flushed();
    }
    is_cut = files.has_cut();
    const Index step = newest_step(path_);
    EXPECT_TRUE(step == 30 || (is_cut && step == -1)) << step;
  }
}

// --- damage ---

class Damage : public CheckpointFolderTest {
 protected:
  Damage() {
    save(folder_, 10);
    save(folder_, 20);
    for (const auto& entry : fs::directory_iterator(folder_.path_of(20))) {
      paths_.push_back(entry.path());
      contents_.push_back(read_file(entry.path()));
    }
    std::size_t total = 0;
    for (const std::string& content : contents_) ends_.push_back(total += content.size());
  }

  /// The file that holds byte `place` of all, and the place in it.
  [[nodiscard]] std::pair<std::size_t, std::size_t> at(std::size_t place) const {
    const auto file = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), place) - ends_.begin());
    return {file, place - (file == 0 ? 0 : ends_[file - 1])};
  }

  void expect_noticed(std::size_t file, std::string damaged) {
    const fs::path& path = paths_[file];
    put(path, damaged);
    const auto newest = read_newest_checkpoint(folder_);
    ASSERT_TRUE(newest);
    EXPECT_EQ(newest->checkpoint.state.step, 10) << path;
    EXPECT_THAT(newest->damaged, ElementsAre(20));
    EXPECT_THAT(newest->messages, ElementsAre(HasSubstr("step-00000020")));
    put(path, contents_[file]);
  }

  /// A new file: some file systems flush one that is cut to nothing and written again.
  static void put(const fs::path& path, const std::string& content) {
    fs::remove(path);
    system_files().write(path, content);
  }

  std::vector<fs::path> paths_;
  std::vector<std::string> contents_;
  std::vector<std::size_t> ends_;
  std::mt19937_64 random_{1};
};

TEST_F(Damage, EveryOfAThousandFlippedBitsIsNoticed) {
  ASSERT_EQ(newest_step(path_), 20);
  std::uniform_int_distribution<std::size_t> places(0, ends_.back() - 1);
  for (int k = 0; k < 1000; ++k) {
    const auto [file, place] = at(places(random_));
    std::string damaged = contents_[file];
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << random_() % 8));
    expect_noticed(file, damaged);
    if (HasFailure()) FAIL() << paths_[file] << " byte " << place;
  }
  EXPECT_EQ(newest_step(path_), 20);
}

TEST_F(Damage, EveryOfTwoHundredTruncationsIsNoticed) {
  std::uniform_int_distribution<std::size_t> places(0, ends_.back() - 1);
  for (int k = 0; k < 200; ++k) {
    const auto [file, place] = at(places(random_));
    expect_noticed(file, contents_[file].substr(0, place));
    if (HasFailure()) FAIL() << paths_[file] << " byte " << place;
  }
}

TEST_F(Damage, FilesThatAreGoneOrFoldersAreNoticed) {
  for (const fs::path& path : paths_) {
    fs::rename(path, path_ / "away");
    EXPECT_EQ(newest_step(path_), 10) << path;
    fs::create_directory(path);
    EXPECT_EQ(newest_step(path_), 10) << path;
    fs::remove(path);
    fs::rename(path_ / "away", path);
  }
  EXPECT_EQ(newest_step(path_), 20);
}

TEST_F(Damage, AManifestOfAnotherFolderIsRefused) {
  CheckpointFiles content{{"../../../outside", "x"}};
  system_files().write(folder_.path_of(20) / "manifest.json", manifest_of(content));
  expect_error(ExitStatus::model, {"no file of its folder"}, [&] { verify_checkpoint(folder_.path_of(20)); });
}

TEST_F(Damage, AStateThatWasEditedIsReadWithCare) {
  // With a manifest that fits: whoever writes such a file may write anything.
  const std::string good = read_file(folder_.path_of(20) / "state.json");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto place = text.find(from);
    EXPECT_NE(place, std::string::npos) << from;
    return text.replace(place, from.size(), to);
  };
  for (const std::string& text :
       {std::string("[]"), std::string(), std::string("{"), with("\"step\": 20", "\"step\": -20"),
        with("\"step\": 20", "\"step\": \"20\""), with("\"step\": 20", "\"step\": 1e99"),
        with("\"batches_per_epoch\": 7", "\"batches_per_epoch\": 0"), with("\"format\": 1", "\"format\": 2"),
        with("\"precision\": \"float", "\"precision\": \"bfloat"), with("\"seconds\": 0.5", "\"seconds\": null"),
        with("\"interval\": {", "\"interval\": [], \"x\": {"), with("\"method\": {", "\"method\": 3, \"x\": {")}) {
    CheckpointFiles content = to_files(checkpoint_of(20));
    content["state.json"] = text;
    fs::remove_all(folder_.path_of(20));
    folder_.save(20, content);
    EXPECT_EQ(newest_step(path_), 10) << text;
  }
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
