// Large weights, which all ranks write in blocks: the file is that which one rank writes, a run goes on from it, and a
// rank that cannot write costs no more than this checkpoint.
#include "sibp/core/file.hpp"

#include "support/file_limits.hpp"
#include "support/files.hpp"
#include "support/training_fixture.hpp"

#include <limits>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing_support::expect_error;

class Blocks : public testing_support::TrainingTest {
 protected:
  Blocks() { block_bytes_ = 64; }

  static std::string weights_of(const fs::path& folder) {
    return read_file(CheckpointFolder(folder).path_of(12) / checkpoint_weights_name);
  }

  /// A run whose weights rank 0 writes alone, as small ones.
  Outcome run_plainly(const fs::path& folder) {
    const auto block_bytes = std::exchange(block_bytes_, 0);
    Outcome outcome = run(folder);
    block_bytes_ = block_bytes;
    return outcome;
  }

  /// Runs with blocks of these sizes leave the bytes of a plain run.
  void expect_the_plain_file(const std::string& name, std::initializer_list<std::uint64_t> sizes) {
    const Outcome whole = run_plainly(path_ / name);
    for (const std::uint64_t bytes : sizes) {
      SCOPED_TRACE(bytes);
      block_bytes_ = bytes;
      const fs::path folder = path_ / fmt::format("{}-{}", name, bytes);
      expect_same(run(folder), whole, {});
      EXPECT_TRUE(weights_of(folder) == weights_of(path_ / name));
      EXPECT_NO_THROW(verify_checkpoint(CheckpointFolder(folder).path_of(12)));
      world_.barrier();
    }
  }
};

TEST_F(Blocks, TheFileIsThatWhichOneRankWrites) {
  expect_the_plain_file("default", {8, 64, 5000});
  for (const Method method : all_methods()) {
    SCOPED_TRACE(name_of(method));
    options_.method = default_options(method);
    options_.method.forms = {Form::normal};
    expect_the_plain_file(std::string(name_of(method)), {64});
  }
  use_conv_net();
  expect_the_plain_file("convnet", {64});
}

TEST_F(Blocks, AnyNumberOfRanksMayWrite) {
  const Outcome whole = run_plainly(path_ / "plain");
  for (writers_ = 1; writers_ <= world_.size(); ++writers_) {
    const fs::path folder = path_ / fmt::format("by-{}", writers_);
    expect_same(run(folder), whole, {});
    EXPECT_TRUE(weights_of(folder) == weights_of(path_ / "plain")) << writers_;
  }
}

TEST_F(Blocks, ARunGoesOnFromThem) {
  const Outcome whole = run_plainly({});
  for (const Index step : {1, 6, 11}) {
    const fs::path folder = path_ / fmt::format("stopped-{}", step);
    const Outcome stopped = run_until(folder, step);
    expect_same(run(folder, {.checkpoint_every = 2}), whole, stopped.records);
    EXPECT_THAT(CheckpointFolder(folder).steps(), testing::Contains(12));
  }
}

TEST_F(Blocks, WeightsThatAreNotFiniteAreNotSaved) {
  recorder_.after_step = [this](Index step) {
    if (step == 6) network_->parameters[1].matrix.view()(2, 3) = std::numeric_limits<Real>::infinity();
  };
  expect_error(ExitStatus::diverged, {"layers.1.weight is not finite", "step 6"},
               [&] { run(path_ / "diverged", {.checkpoint_every = 1}); });
  world_.barrier();
  EXPECT_EQ(read_newest_checkpoint(CheckpointFolder(path_ / "diverged"))->checkpoint.state.step, 5);
}

TEST_F(Blocks, ARankThatCannotWriteEndsNothingWhileThereIsAnOlderCheckpoint) {
  std::optional<testing_support::FileSizeLimit> limit;
  Index last_limited = 10;
  recorder_.after_step = [&](Index step) {
    const bool is_last_rank = world_.rank() == world_.size() - 1;
    if (is_last_rank && step == 6) limit.emplace(100);
    if (step == last_limited) limit.reset();
  };
  run_until(path_ / "full", 4);
  EXPECT_EQ(run(path_ / "full", {.checkpoint_every = 4}).result.step, 12);
  EXPECT_THAT(CheckpointFolder(path_ / "full").steps(), ElementsAre(4, 12));
  EXPECT_FALSE(fs::exists(path_ / "full/tmp-step-00000008"));

  last_limited = 13;
  run_until(path_ / "full-at-the-end", 4);
  const std::string who = world_.size() > 1 ? fmt::format("[rank {}] ", world_.size() - 1) : "";
  expect_error(ExitStatus::runtime, {who + "cannot write", "weights.safetensors: File too large"},
               [&] { run(path_ / "full-at-the-end", {.checkpoint_every = 4}); });
  limit.reset();
  world_.barrier();
  EXPECT_THAT(CheckpointFolder(path_ / "full-at-the-end").steps(), ElementsAre(4));
}

/// A view of the file system of this thread's own, for a while.
class OwnMounts {
 public:
  OwnMounts() : before_(::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC)) {
    is_there_ = before_ >= 0 && ::unshare(CLONE_NEWNS) == 0 &&
                ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }
  OwnMounts(const OwnMounts&) = delete;
  OwnMounts& operator=(const OwnMounts&) = delete;
  ~OwnMounts() {
    ::setns(before_, CLONE_NEWNS);
    ::close(before_);
  }
  [[nodiscard]] bool is_there() const { return is_there_; }

 private:
  int before_;
  bool is_there_ = false;
};

TEST_F(Blocks, AFolderThatARankDoesNotSeeIsNotShared) {
  const fs::path folder = path_ / "folder";
  EXPECT_TRUE(is_shared_folder(world_, folder));
  if (world_.size() == 1) GTEST_SKIP() << "one rank sees what it writes";
  std::optional<OwnMounts> mounts;
  std::optional<testing_support::SmallDisk> disk;
  if (world_.rank() == world_.size() - 1 && mounts.emplace().is_there()) disk.emplace(folder);
  const bool is_mounted = world_.rank() < world_.size() - 1 || (disk && disk->reason() == 0);
  if (!world_.all_agree(is_mounted)) GTEST_SKIP() << "a mount of one rank's own needs root";
  EXPECT_FALSE(is_shared_folder(world_, folder));
  world_.barrier();
  EXPECT_TRUE(fs::is_empty(folder));
}

}  // namespace
}  // namespace sibp
