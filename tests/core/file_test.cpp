#include "sibp/core/file.hpp"

#include "sibp/core/error.hpp"

#include "support/files.hpp"

#include <filesystem>
#include <limits>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sibp {
namespace {

using testing_support::TemporaryFolder;

std::size_t entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(File, WhatAKilledProcessOfTheSameNumberLeftIsInNobodysWay) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "file";
  folder.write("file.partial-" + std::to_string(::getpid()), "half");
  write_file_whole(path, "whole");
  EXPECT_EQ(read_file(path), "whole");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(File, IsWrittenWholeAndReplaced) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "file";
  write_file_whole(path, "first");
  EXPECT_EQ(read_file(path), "first");
  write_file_whole(path, std::string(300000, 'x'));
  EXPECT_EQ(read_file(path), std::string(300000, 'x'));
  write_file_whole(path, "");
  EXPECT_EQ(read_file(path), "");
  EXPECT_EQ(entries(folder.path()), 1U) << "nothing temporary is left";
}

TEST(File, ThatCannotBeWrittenIsNamedAndLeavesNothing) {
  const TemporaryFolder folder;
  const auto missing = folder.path() / "no" / "such" / "file";
  try {
    write_file_whole(missing, "text");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), ExitStatus::runtime);
    EXPECT_NE(std::string(error.what()).find(missing.string()), std::string::npos) << error.what();
  }
  EXPECT_EQ(entries(folder.path()), 0U);
  EXPECT_THROW(write_file_whole(folder.path(), "a folder"), Error);
}

TEST(File, DevicesAndPipesAreWrittenToAndNotReplaced) {
  const TemporaryFolder folder;
  const auto link = folder.path() / "null";
  std::filesystem::create_symlink("/dev/null", link);
  write_file_whole(link, "text");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_THROW(write_file_whole("/dev/full", "text"), Error);
}

TEST(File, ThatMayNeverEndIsNotRead) {
  const TemporaryFolder folder;
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW((void)read_file(pipe), std::runtime_error);
  EXPECT_THROW((void)read_file("/dev/zero"), std::runtime_error);
  EXPECT_THROW((void)read_file(folder.path()), std::runtime_error);
  EXPECT_THROW((void)read_file(folder.path() / "missing"), std::runtime_error);
}

TEST(Error, SizesBeyondIntAreRefused) {
  EXPECT_EQ(checked_int(0), 0);
  EXPECT_EQ(checked_int(std::numeric_limits<int>::max()), std::numeric_limits<int>::max());
  EXPECT_THROW((void)checked_int(std::numeric_limits<int>::max() + 1LL), Error);
  EXPECT_THROW((void)checked_int(-1), Error);
}

TEST(Error, ContractsNameTheirPlace) {
  EXPECT_NO_THROW(require(true, "kept"));
  try {
    require(false, "broken");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("broken"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("file_test.cpp"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace sibp
