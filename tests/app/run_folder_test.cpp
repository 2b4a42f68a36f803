#include "sibp/app/run/run_folder.hpp"

#include "sibp/app/run/run_status.hpp"
#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"

#include "support/file_limits.hpp"
#include "support/files.hpp"

#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace sibp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing_support::FileSizeLimit;
using testing_support::SmallDisk;

template <class Action>
std::string error_of(ExitStatus expected, Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), expected) << error.what();
    return error.what();
  }
  return "no error";
}

/// Works in a scratch folder for a while: the default folder of a run is relative.
class InTemporaryFolder : public testing::Test {
 protected:
  InTemporaryFolder() : before_(std::filesystem::current_path()) { std::filesystem::current_path(scratch_.path()); }
  ~InTemporaryFolder() override { std::filesystem::current_path(before_); }

  testing_support::TemporaryFolder scratch_;

 private:
  std::filesystem::path before_;
};

TEST_F(InTemporaryFolder, DefaultFolderIsNewEachTime) {
  const auto first = RunFolder::claim("", "mnist-784-10").path();
  const auto second = RunFolder::claim("", "mnist-784-10").path();
  const auto third = RunFolder::claim("", "mnist-784-10").path();
  EXPECT_THAT(first.string(), MatchesRegex("runs/[0-9]{8}-[0-9]{6}-mnist-784-10"));
  EXPECT_TRUE(std::filesystem::is_directory(third));
  EXPECT_NE(first, second);
  EXPECT_NE(second, third);
}

TEST_F(InTemporaryFolder, MakesTheFolderAndItsParents) {
  EXPECT_EQ(RunFolder::claim("a/b/c", "").path(), "a/b/c");
  EXPECT_EQ(RunFolder::claim("slash/", "").path(), "slash");
  EXPECT_TRUE(std::filesystem::is_directory("a/b/c"));
}

TEST_F(InTemporaryFolder, TakesAnEmptyFolderOnce) {
  std::filesystem::create_directory("empty");
  const RunFolder folder = RunFolder::claim("empty", "");
  const auto message = error_of(ExitStatus::usage, [] { RunFolder::claim("empty", ""); });
  EXPECT_THAT(message, AllOf(HasSubstr("--out"), HasSubstr("empty"), HasSubstr("not empty")));
}

TEST_F(InTemporaryFolder, ASecondRunIsToldWhoIsThere) {
  const RunFolder first = RunFolder::claim("run", "");
  const auto message = error_of(ExitStatus::usage, [] { RunLock second("run"); });
  EXPECT_THAT(message, AllOf(HasSubstr("--out"), HasSubstr("run in use by process " + std::to_string(getpid()))));
}

TEST_F(InTemporaryFolder, ALockThatNobodyHoldsIsNoMatter) {
  { const RunFolder first = RunFolder::claim("run", ""); }
  EXPECT_TRUE(std::filesystem::exists("run/run.lock"));
  const RunLock second("run");
  std::filesystem::create_directories("unused/logs");  // of the launcher
  write_file_whole("unused/run.lock", "process 1 on nowhere\n");
  RunFolder::claim("unused", "");
}

TEST_F(InTemporaryFolder, ARunThatGoesOnCutsItsMetricsBack) {
  std::int64_t bytes = 0;
  {
    RunFolder folder = RunFolder::claim("run", "");
    folder.append_metrics({.step = 1});
    bytes = folder.flush_metrics();
    folder.append_metrics({.step = 2});
    write_file_whole("run/model.safetensors.partial-7", "half");
  }
  EXPECT_TRUE(RunFolder::is_of_a_run("run"));
  EXPECT_FALSE(RunFolder::is_of_a_run("."));
  RunFolder folder = RunFolder::reopen("run", RunLock("run"), bytes);
  folder.append_metrics({.step = 3});
  EXPECT_THAT(read_file("run/metrics.jsonl"),
              AllOf(HasSubstr("\"step\":1,"), testing::Not(HasSubstr("\"step\":2,")), HasSubstr("\"step\":3,")));
  EXPECT_FALSE(std::filesystem::exists("run/model.safetensors.partial-7"));
}

TEST_F(InTemporaryFolder, PipesInThePlaceOfFilesAreRefused) {
  { const RunFolder folder = RunFolder::claim("run", ""); }
  for (const char* name : {"run/metrics.jsonl", "run/config.ini", "run/status.json", "run/model.safetensors"}) {
    std::filesystem::remove(name);
    ASSERT_EQ(::mkfifo(name, 0600), 0);
    EXPECT_THAT(error_of(ExitStatus::runtime, [] { RunFolder::reopen("run", RunLock("run"), 0); }),
                AllOf(HasSubstr(name), HasSubstr("no regular file")));
    std::filesystem::remove(name);
  }
  RunFolder::reopen("run", RunLock("run"), 0);
}

TEST_F(InTemporaryFolder, AFolderThatIsRenamedIsMissed) {
  RunFolder folder = RunFolder::claim("run", "");
  folder.flush_metrics();
  std::filesystem::rename("run", "other");
  for (const bool has_another : {false, true}) {
    if (has_another) std::filesystem::create_directory("run");
    EXPECT_THAT(error_of(ExitStatus::runtime, [&] { folder.flush_metrics(); }),
                AllOf(HasSubstr("run is not the folder"), HasSubstr("renamed")));
  }
  std::filesystem::remove("run");
  std::filesystem::rename("other", "run");
  folder.flush_metrics();
}

TEST_F(InTemporaryFolder, TheStatusSaysWhatBecameOfTheRun) {
  std::filesystem::create_directory("run");
  RunStatus status("run");
  const auto read = [] { return nlohmann::json::parse(read_file("run/status.json")); };
  status.running();
  EXPECT_EQ(read()["state"], "running");
  EXPECT_TRUE(read()["exit_status"].is_null() && read()["checkpoint"].is_null());
  status.set_progress({.step = 7});
  status.checkpoint_written("run/checkpoints/step-00000007");
  EXPECT_EQ(read()["checkpoint"], "checkpoints/step-00000007");
  EXPECT_TRUE(read()["best"].is_null());
  status.set_best({Measure::validation_accuracy, 5, 0.75});
  status.ended(ExitStatus::disagree, "why");
  EXPECT_EQ(read()["best"], nlohmann::json({{"measure", "validation_accuracy"},
                                            {"value", 0.75},
                                            {"step", 5},
                                            {"checkpoint", "checkpoints/step-00000005"}}));
  EXPECT_EQ(read()["state"], "failed");
  EXPECT_EQ(read()["exit_status"], 6);
  EXPECT_EQ(read()["message"], "why");
  EXPECT_EQ(read()["step"], 7);
  status.ended(ExitStatus::stopped, "");
  EXPECT_EQ(read()["state"], "stopped");
  status.ended(ExitStatus::done, "");
  EXPECT_EQ(read()["state"], "done");
}

TEST_F(InTemporaryFolder, TheStatusTellsOfProgress) {
  std::filesystem::create_directory("run");
  RunStatus status("run");
  status.running();
  EXPECT_EQ(read_status("run")->progress.steps, 0);
  EXPECT_TRUE(nlohmann::json::parse(read_file("run/status.json"))["steps"].is_null());
  status.set_progress({.step = 3, .steps = 10, .loss = 0.5, .samples_per_second = 100, .seconds_left = 7});
  status.running();
  const auto read = read_status("run");
  EXPECT_EQ(read->progress.step, 3);
  EXPECT_EQ(read->progress.steps, 10);
  EXPECT_EQ(read->progress.loss, 0.5);
  EXPECT_EQ(read->progress.samples_per_second, 100);
  EXPECT_EQ(read->progress.seconds_left, 7);
  EXPECT_EQ(read->process, ::getpid());
  EXPECT_FALSE(read->exit_status);
  status.ended(ExitStatus::disagree, "why");
  EXPECT_EQ(read_status("run")->exit_status, 6);
  EXPECT_EQ(read_status("run")->message, "why");
}

TEST_F(InTemporaryFolder, TheStatusIsRefreshedUntilTheRunEnds) {
  std::filesystem::create_directory("run");
  RunStatus status("run");
  status.running();
  status.refresh_every(std::chrono::milliseconds(10));
  const auto reaches = [](Index step) {
    for (int looks = 0; looks < 1000 && read_status("run")->progress.step != step; ++looks)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return read_status("run")->progress.step == step;
  };
  for (const Index step : {3, 4}) {
    status.set_progress({.step = step, .steps = 10});
    EXPECT_TRUE(reaches(step));
  }
  status.ended(ExitStatus::done, "");
  std::filesystem::remove("run/status.json");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(std::filesystem::exists("run/status.json"));
}

TEST_F(InTemporaryFolder, TheStatusIsReadAsItWasWritten) {
  std::filesystem::create_directory("run");
  EXPECT_FALSE(read_status("run"));
  RunStatus status("run", new_run_name());
  status.running();
  EXPECT_EQ(read_status("run")->checkpoint, "");
  status.checkpoint_written("run/checkpoints/step-00000007");
  EXPECT_EQ(read_status("run")->checkpoint, "checkpoints/step-00000007");
  const std::string name = read_status("run")->run;
  EXPECT_THAT(name, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_NE(name, new_run_name());
  RunStatus("run").running();
  EXPECT_EQ(read_status("run")->run, "");
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"state": "done", "run": "a\u001b[2J"})"),
        std::string(R"({"state": "done", "checkpoint": "/etc/step-00000001"})"), std::string(1'000'000, '[')}) {
    write_file_whole("run/status.json", text);
    EXPECT_THAT(error_of(ExitStatus::model, [] { read_status("run"); }), HasSubstr("status.json"))
        << text.substr(0, 50);
  }
  write_file_whole("run/status.json", std::string(2'000'000, ' '));
  EXPECT_THAT(error_of(ExitStatus::runtime, [] { read_status("run"); }), HasSubstr("more than 1000000 bytes"));
}

TEST_F(InTemporaryFolder, RefusesWhatIsThere) {
  std::filesystem::create_directory("full");
  write_file_whole("full/precious", "x");
  write_file_whole("file", "x");
  EXPECT_THAT(error_of(ExitStatus::usage, [] { RunFolder::claim("full", ""); }), HasSubstr("full"));
  EXPECT_THAT(error_of(ExitStatus::usage, [] { RunFolder::claim("file", ""); }), HasSubstr("is a file"));
  EXPECT_EQ(read_file("full/precious"), "x");
  EXPECT_FALSE(std::filesystem::exists("full/metrics.jsonl"));
}

TEST_F(InTemporaryFolder, SaysBeforeLongWorkWhatIsWrong) {
  RunFolder::check_claimable("");
  RunFolder::check_claimable("a/b/");
  EXPECT_TRUE(std::filesystem::is_empty("."));  // nothing was made
  std::filesystem::create_directories("empty");
  RunFolder::check_claimable("empty");
  RunFolder::claim("full", "");
  write_file_whole("file", "precious");
  EXPECT_THAT(error_of(ExitStatus::usage, [] { RunFolder::check_claimable("full"); }), HasSubstr("not empty"));
  EXPECT_THAT(error_of(ExitStatus::usage, [] { RunFolder::check_claimable("file"); }), HasSubstr("a file"));
  EXPECT_THAT(error_of(ExitStatus::runtime, [] { RunFolder::check_claimable("file/run"); }),
              AllOf(HasSubstr("file/run"), HasSubstr("Not a directory")));
}

TEST_F(InTemporaryFolder, SaysBeforeLongWorkThatNothingCanBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  std::filesystem::create_directory("closed");
  std::filesystem::permissions("closed", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  for (const char* out : {"closed", "closed/a/b"})
    EXPECT_THAT(error_of(ExitStatus::runtime, [&] { RunFolder::check_claimable(out); }),
                AllOf(HasSubstr(out), HasSubstr("Permission denied")));
}

TEST_F(InTemporaryFolder, SaysWhyAFolderCannotBeMade) {
  write_file_whole("file", "x");
  EXPECT_THAT(error_of(ExitStatus::runtime, [] { RunFolder::claim("file/below", ""); }),
              AllOf(HasSubstr("file/below"), HasSubstr("Not a directory"), HasSubstr("--out")));
  EXPECT_THAT(error_of(ExitStatus::runtime, [] { RunFolder::claim("/proc/sibp", ""); }), HasSubstr("/proc/sibp"));
}

TEST_F(InTemporaryFolder, WritesFilesAndMetrics) {
  RunFolder folder = RunFolder::claim("run", "");
  folder.write("config.ini", "a = 1\n");
  folder.append_metrics({.step = 1});
  EXPECT_THAT(read_file("run/metrics.jsonl"), testing::EndsWith("}\n"));  // there at once
  folder.append_metrics({.step = 2});
  EXPECT_EQ(read_file("run/config.ini"), "a = 1\n");
  std::ifstream lines("run/metrics.jsonl");
  std::string line;
  for (Index step = 1; step <= 2; ++step) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_EQ(nlohmann::json::parse(line)["step"], step);
  }
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(InTemporaryFolder, ALineThatHasNoRoomLeavesNoPart) {
  LineFile file("lines");
  file.append_line("first");
  {
    const FileSizeLimit limit(10);
    const auto message = error_of(ExitStatus::runtime, [&] { file.append_line("second line"); });
    EXPECT_THAT(message, AllOf(HasSubstr("lines"), HasSubstr("File too large")));
  }
  EXPECT_EQ(read_file("lines"), "first\n");
  file.append_line("third");
  EXPECT_EQ(read_file("lines"), "first\nthird\n");
}

TEST_F(InTemporaryFolder, AFullDiskIsNamed) {
  const SmallDisk disk("small");
  if (disk.reason() != 0) GTEST_SKIP() << "no small file system can be mounted here: " << std::strerror(disk.reason());
  RunFolder folder = RunFolder::claim("small/run", "");
  const std::string big(200000, 'x');
  EXPECT_THAT(error_of(ExitStatus::runtime, [&] { folder.write("model.safetensors", big); }),
              AllOf(HasSubstr("small/run/model.safetensors"), HasSubstr("No space left")));
  EXPECT_FALSE(std::filesystem::exists("small/run/model.safetensors"));
  const auto fill = [&] {
    for (int i = 0; i < 1000; ++i) folder.append_metrics({.step = i});
  };
  EXPECT_THAT(error_of(ExitStatus::runtime, fill),
              AllOf(HasSubstr("small/run/metrics.jsonl"), HasSubstr("No space left")));
  EXPECT_THAT(read_file("small/run/metrics.jsonl"), testing::EndsWith("}\n"));
}

TEST_F(InTemporaryFolder, RecordsWaitForRoom) {
  RunFolder folder = RunFolder::claim("run", "");
  MetricsWriter writer(folder);
  {
    const FileSizeLimit limit(10);
    for (const Index step : {1, 2}) writer.on_record({.step = step});
    EXPECT_THAT(error_of(ExitStatus::runtime, [&] { writer.flush(); }), HasSubstr("run/metrics.jsonl"));
  }
  EXPECT_EQ(read_file("run/metrics.jsonl"), "");
  writer.on_record({.step = 3});
  EXPECT_THAT(read_file("run/metrics.jsonl"), MatchesRegex("[{]\"step\":1,.*\n[{]\"step\":2,.*\n[{]\"step\":3,.*\n"));
  EXPECT_EQ(writer.flush(), static_cast<std::int64_t>(std::filesystem::file_size("run/metrics.jsonl")));
}

}  // namespace
}  // namespace sibp
