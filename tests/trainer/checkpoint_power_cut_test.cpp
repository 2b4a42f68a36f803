// A power cut after every operation of a save: the folder always holds a checkpoint that loads.
#include "sibp/core/sha256.hpp"
#include "sibp/trainer/checkpoint_folder.hpp"

#include "support/checkpoint_fixture.hpp"

#include <cstdio>
#include <functional>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing_support::checkpoint_of;
using testing_support::CheckpointFolderTest;
using testing_support::newest_step;
using testing_support::save;

struct PowerCut {};

/// Carries out so many operations and then none. The content of files that were not flushed is lost with the power, and
/// so are new names in folders that were not.
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
  void make_file(const fs::path& path, std::uint64_t bytes) override {
    tick();
    FileOperations::make_file(path, bytes);
    unflushed_.push_back(path);
  }
  void flush(const fs::path& path) override {
    tick();
    FileOperations::flush(path);
    std::erase(unflushed_, path);
    std::erase_if(renamed_, [&](const Renamed& renamed) { return renamed.to.parent_path() == path; });
  }
  void rename(const fs::path& from, const fs::path& to) override {
    tick();
    std::optional<fs::path> replaced;
    if (fs::is_symlink(to)) replaced = fs::read_symlink(to);
    FileOperations::rename(from, to);
    renamed_.push_back({from, to, replaced});
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
    for (auto last = renamed_.rbegin(); last != renamed_.rend(); ++last) {
      if (!fs::exists(fs::symlink_status(last->to))) continue;  // removed since
      fs::rename(last->to, last->from);
      if (last->replaced) fs::create_symlink(*last->replaced, last->to);
    }
  }
  [[nodiscard]] bool has_cut() const { return has_cut_; }

 private:
  struct Renamed {
    fs::path from;
    fs::path to;
    std::optional<fs::path> replaced;  ///< target of the link that was there
  };

  void tick() {
    if (left_-- > 0) return;
    has_cut_ = true;
    throw PowerCut{};
  }

  int left_;
  bool has_cut_ = false;
  std::vector<fs::path> unflushed_;
  std::vector<Renamed> renamed_;
};

/// A save of weights in blocks, all of which are those of one rank.
void save_in_blocks(FileOperations& files, CheckpointFolder& folder, Index step) {
  CheckpointFiles content = to_files(checkpoint_of(step));
  const std::string weights = content.extract(checkpoint_weights_name).mapped();
  const auto part = folder.begin(step);
  if (!part) return;
  files.make_file(*part / checkpoint_weights_name, weights.size());
  files.write(*part / checkpoint_weights_name, weights);
  files.flush(*part / checkpoint_weights_name);
  const ListedFile listed{weights.size(), weights.size(), {sha256(weights)}};
  folder.complete(step, content, {{checkpoint_weights_name, listed}});
}

using Save = std::function<void(FileOperations&, CheckpointFolder&)>;

class PowerCuts : public CheckpointFolderTest, public testing::WithParamInterface<Save> {};

INSTANTIATE_TEST_SUITE_P(Ways, PowerCuts,
                         testing::Values([](FileOperations&, CheckpointFolder& folder) { save(folder, 30); },
                                         [](FileOperations& files, CheckpointFolder& folder) {
                                           save_in_blocks(files, folder, 30);
                                         }));

TEST_P(PowerCuts, AfterEveryOperationOfASaveTheFolderLoads) {
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
        GetParam()(files, folder);
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
  std::printf("%d operations of a save\n", operations);
  EXPECT_GT(operations, 15);  // every file, flush and rename was one
}

TEST_P(PowerCuts, TheFirstSaveOfAllIsWholeOrNotThere) {
  int operations = 0;
  for (bool is_cut = true; is_cut; ++operations) {
    fs::remove_all(path_);
    CutOff files(operations);
    try {
      CheckpointFolder folder(path_, files);
      GetParam()(files, folder);
    } catch (const PowerCut&) {
      files.lose_what_was_not_flushed();
    }
    is_cut = files.has_cut();
    const Index step = newest_step(path_);
    EXPECT_TRUE(step == 30 || (is_cut && step == -1)) << step;
  }
}

}  // namespace
}  // namespace sibp
