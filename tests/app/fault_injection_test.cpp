// Every call of a whole training on the files of its run fails once: nothing is lost, and the end is the right one.
#include "sibp/app/commands/commands.hpp"
#include "sibp/app/run/run_folder.hpp"
#include "sibp/app/run/run_status.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/core/failure_handler.hpp"
#include "sibp/core/file.hpp"

#include "app/parse.hpp"
#include "support/failing_calls.hpp"
#include "support/temporary_folder.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using testing_support::CallPoint;
using testing_support::FailingCalls;
using testing_support::Fault;
using testing_support::Injection;

/// How a training ended.
struct End {
  ExitStatus status = ExitStatus::done;
  std::string message;
};

/// What is the same in every run of a training: all but its times.
struct Result {
  std::string model;
  std::vector<std::string> records;
  bool operator==(const Result&) const = default;
};

class FaultInjection : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }

  /// The program but for its process: trains from where the folder is on.
  End train(const fs::path& folder, int steps) const {
    const std::vector<std::string> words{"sibp_dist",
                                         "--out",
                                         folder.string(),
                                         "--resume",
                                         "auto",
                                         "--dataset",
                                         "synthetic",
                                         "--schedule",
                                         "constant",
                                         "--synthetic-samples",
                                         "40",
                                         "--synthetic-features",
                                         "4",
                                         "--synthetic-classes",
                                         "2",
                                         "--hidden",
                                         "3",
                                         "--batch",
                                         "10",
                                         "--form",
                                         "normal",
                                         "--logical-shards",
                                         "2",
                                         "--steps",
                                         std::to_string(steps),
                                         "--log-every",
                                         "1",
                                         "--checkpoint-every",
                                         "2",
                                         "--keep",
                                         "2",
                                         "--progress",
                                         "none",
                                         "--seed",
                                         "3"};
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    const int argc = static_cast<int>(argv.size());
    const Communicator world = make_mpi_communicator();
    End end;
    testing::internal::CaptureStdout();
    try {
      Options options = parse_options(argc, argv.data(), {});
      Resumption from = find_resumption(options, world);
      if (from.from_checkpoint) {
        options = parse_options(argc, argv.data(), {}, from.config);
        check_same_training(options, from.config);
      }
      options.guard.large_weights = large_weights_;
      end.status = static_cast<ExitStatus>(run_train(options, world, std::move(from)));
    } catch (...) {
      const Failure failure = current_failure();
      end = {failure.status, failure.message};
      call_failure_handler(failure.status, failure.message);
    }
    set_failure_handler(nullptr);
    testing::internal::GetCapturedStdout();
    return end;
  }

  static Result result_of(const fs::path& folder) {
    Result result{read_file(folder / RunFolder::model_name), {}};
    std::istringstream lines(read_file(folder / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      auto record = nlohmann::json::parse(line);
      std::string text;
      for (const auto& [key, value] : record.items()) {
        if (key.find("second") == std::string::npos && key.find("memory") == std::string::npos)
          text += key + "=" + value.dump() + " ";
      }
      result.records.push_back(text);
    }
    return result;
  }

  /// The calls of a training whose files nothing happens to, in `folder`.
  std::vector<CallPoint> calls_of(const fs::path& folder, int steps) const {
    FailingCalls calls(folder);
    const End end = train(folder, steps);
    EXPECT_EQ(end.status, ExitStatus::done) << end.message;
    return calls.points();
  }

  /// Lets one call fail of a training in a folder that was made ready, and looks at what is left.
  void fail_once(const fs::path& folder, const Injection& injection, int steps, const Result& whole) {
    SCOPED_TRACE(to_text(injection.point) + " fails with " + to_text(injection.fault) +
                 (injection.for_good ? " and so do those that follow" : ""));
    const bool had_one = newest_step(folder) >= 0;
    End end;
    {
      FailingCalls calls(folder, injection);
      end = train(folder, steps);
      met_ += calls.has_failed() ? 1 : 0;
    }
    expect_right_end(end, folder, injection, whole);
    const Index newest = newest_step(folder);
    EXPECT_TRUE(newest >= 0 || !had_one);
    for (const auto& entry : fs::recursive_directory_iterator(scratch_.path()))
      EXPECT_EQ(entry.path().string().find("damaged-"), std::string::npos) << entry.path();
    const End again = train(folder, steps);
    EXPECT_EQ(again.status, ExitStatus::done) << again.message;
    EXPECT_TRUE(result_of(folder) == whole);
  }

  /// Nothing but a failure ends the run, with a message that names a file of it; signals and partial calls are none.
  static void expect_right_end(const End& end, const fs::path& folder, const Injection& injection,
                               const Result& whole) {
    if (end.status == ExitStatus::done) {
      EXPECT_TRUE(result_of(folder) == whole);
      return;
    }
    EXPECT_EQ(end.status, ExitStatus::runtime) << end.message;
    EXPECT_THAT(end.message, testing::HasSubstr(folder.string()));
    EXPECT_TRUE(injection.fault == Fault::io_error || injection.fault == Fault::no_space) << end.message;
    const CallPoint& point = injection.point;
    const bool writes_status =
        point.path == "status.json.partial" || (point.path == "status.json" && point.call == "rename");
    if (writes_status && !injection.for_good) ADD_FAILURE() << "a status is no reason to end: " << end.message;
  }

  static Index newest_step(const fs::path& folder) {
    const auto newest = read_newest_checkpoint(CheckpointFolder(folder / RunFolder::checkpoints_name));
    return newest ? newest->checkpoint.state.step : -1;
  }

  /// Lets every call of a training fail in turn, in every way that it can. `prepare` makes the folder ready.
  void fail_each(const std::vector<CallPoint>& points, int steps, const Result& whole,
                 const std::function<void(const fs::path&)>& prepare) {
    const fs::path folder = scratch_.path() / "run";
    int trainings = 0;
    const auto go = [&](const Injection& injection) {
      fs::remove_all(folder);
      prepare(folder);
      fail_once(folder, injection, steps, whole);
      ++trainings;
    };
    for (const CallPoint& point : points) {
      for (const Fault fault : testing_support::faults_of(point)) {
        go({point, fault, false});
        if (fault == Fault::no_space) go({point, fault, true});
      }
    }
    std::printf("%zu calls on files, %d trainings in which one failed, %d met it\n", points.size(), trainings, met_);
    EXPECT_GT(points.size(), 50U);
    EXPECT_GT(met_, trainings * 9 / 10);  // threads take turns in another order at times
  }

  testing_support::TemporaryFolder scratch_{testing_support::memory_directory_path()};
  std::uint64_t large_weights_ = large_weights_bytes;
  int met_ = 0;
};

TEST_F(FaultInjection, EveryCallOfATrainingFailsOnce) {
  const fs::path whole = scratch_.path() / "whole";
  const auto points = calls_of(whole, 6);
  fail_each(points, 6, result_of(whole), [](const fs::path&) {});
}

TEST_F(FaultInjection, EveryCallOfATrainingThatWritesBlocksFailsOnce) {
  large_weights_ = 0;
  const fs::path whole = scratch_.path() / "whole";
  const auto points = calls_of(whole, 4);
  fail_each(points, 4, result_of(whole), [](const fs::path&) {});
}

TEST_F(FaultInjection, EveryCallOfARunThatGoesOnFailsOnce) {
  const fs::path whole = scratch_.path() / "whole";
  const fs::path stopped = scratch_.path() / "stopped";
  const fs::path resumed = scratch_.path() / "resumed";
  calls_of(whole, 6);
  calls_of(stopped, 4);
  fs::remove(stopped / RunFolder::model_name);
  const auto copy = [&](const fs::path& to) {
    fs::copy(stopped, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  };
  copy(resumed);
  const auto points = calls_of(resumed, 6);
  EXPECT_TRUE(result_of(resumed) == result_of(whole));
  fail_each(points, 6, result_of(whole), copy);
}

}  // namespace
}  // namespace sibp
