#include "sibp/app/run/logging.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string logged(LogLevel level, int rank) {
  testing::internal::CaptureStderr();
  set_up_logging(level, rank);
  spdlog::debug("a debug message");
  spdlog::info("an info message");
  spdlog::error("an error message");
  return testing::internal::GetCapturedStderr();
}

TEST(Logging, RootShowsItsLevel) {
  EXPECT_THAT(logged(LogLevel::debug, 0), HasSubstr("a debug message"));
  const std::string text = logged(LogLevel::info, 0);
  EXPECT_THAT(text, Not(HasSubstr("a debug message")));
  EXPECT_THAT(text, HasSubstr("[info] an info message"));
  EXPECT_THAT(text, Not(HasSubstr("rank")));
}

TEST(Logging, NamesOptions) {
  testing::internal::CaptureStderr();
  set_up_logging(LogLevel::info, 0);
  spdlog::warn("lower `warmup_steps`");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("lower --warmup-steps"));
}

TEST(Logging, OtherRanksShowErrorsOnly) {
  const std::string text = logged(LogLevel::trace, 3);
  EXPECT_THAT(text, Not(HasSubstr("an info message")));
  EXPECT_THAT(text, HasSubstr("[rank 3] [error] an error message"));
}

TEST(Logging, WhatATerminalObeysIsNotPassedOn) {
  testing::internal::CaptureStderr();
  set_up_logging(LogLevel::info, 0);
  spdlog::info("a name from a file: {}", "\x1b[2J");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("[info] a name from a file: ?[2J\n"));
}

TEST(Logging, OffIsOffEverywhere) {
  EXPECT_EQ(logged(LogLevel::off, 0), "");
  EXPECT_EQ(logged(LogLevel::off, 1), "");
}

}  // namespace
}  // namespace sibp
