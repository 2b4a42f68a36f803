// Damage to a checkpoint: every one is noticed, and the older checkpoint is used.
#include "sibp/core/file.hpp"
#include "sibp/core/sha256.hpp"

#include "support/checkpoint_fixture.hpp"
#include "support/file_limits.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::checkpoint_of;
using testing_support::CheckpointFolderTest;
using testing_support::expect_error;
using testing_support::newest_step;
using testing_support::save;

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

TEST_F(Damage, AFileThatCannotBeReadNowIsNone) {
  {
    const testing_support::NoMoreFiles limit;  // as for an error of the disk or of permissions
    for (const Index step : {10, 20})
      expect_error(ExitStatus::runtime, {"Too many open files", "no damage"},
                   [&] { verify_checkpoint(folder_.path_of(step)); });
    EXPECT_THROW(is_whole(folder_.path_of(20)), Error);
    EXPECT_THROW(folder_.save(20, to_files(checkpoint_of(20))), Error);
  }
  EXPECT_EQ(newest_step(path_), 20);
}

TEST_F(Damage, AManifestOfAnotherFolderIsRefused) {
  CheckpointFiles content{{"../../../outside", "x"}};
  system_files().write(folder_.path_of(20) / "manifest.json", manifest_of(content));
  expect_error(ExitStatus::model, {"no file of its folder"}, [&] { verify_checkpoint(folder_.path_of(20)); });
}

TEST_F(Damage, OfABlockIsNoticed) {
  CheckpointFiles files = to_files(checkpoint_of(30));
  const std::string weights = files.extract(checkpoint_weights_name).mapped();
  const fs::path part = folder_.begin(30).value();
  system_files().make_file(part / checkpoint_weights_name, weights.size());
  put(part / checkpoint_weights_name, weights);
  ListedFile listed{weights.size(), 16, {}};
  for (std::size_t k = 0; k < weights.size(); k += 16) listed.digests.push_back(sha256(weights.substr(k, 16)));
  folder_.complete(30, files, {{checkpoint_weights_name, listed}});
  EXPECT_EQ(newest_step(path_), 30);
  const fs::path path = folder_.path_of(30) / checkpoint_weights_name;
  for (std::size_t k = 0; k < weights.size(); k += 3) {
    std::string damaged = weights;
    damaged[k] = static_cast<char>(damaged[k] ^ 1);
    put(path, damaged);
    EXPECT_EQ(newest_step(path_), 20) << k;
    put(path, weights.substr(0, k));
    EXPECT_EQ(newest_step(path_), 20) << k;
  }
  put(path, weights);
  listed.digests.pop_back();
  put(folder_.path_of(30) / manifest_name, manifest_of(files, {{checkpoint_weights_name, listed}}));
  expect_error(ExitStatus::model, {"no manifest"}, [&] { verify_checkpoint(folder_.path_of(30)); });
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

}  // namespace
}  // namespace sibp
