// What a process tells and is told from outside: signals, beats, last words.
#include "sibp/core/failure_handler.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/stop_request.hpp"
#include "sibp/core/watchdog.hpp"

#include <chrono>
#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(StopRequest, EverySignalIsOne) {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    EXPECT_EXIT(
        {
          catch_stop_signals();
          if (stop_signal() != 0) std::_Exit(1);
          std::raise(number);
          std::_Exit(stop_signal() == number ? 85 : 2);
        },
        testing::ExitedWithCode(85), "");
  }
}

TEST(StopRequest, ASecondInterruptEndsAtOnce) {
  EXPECT_EXIT(
      {
        catch_stop_signals();
        std::raise(SIGINT);
        std::raise(SIGTERM);
        std::raise(SIGINT);
        std::_Exit(1);
      },
      testing::KilledBySignal(SIGINT), "");
}

TEST(StopRequest, WhatCameBeforeTheReleaseHasItsEffectThen) {
  EXPECT_EXIT(
      {
        catch_stop_signals();
        std::raise(SIGTERM);
        release_stop_signals();
        std::_Exit(1);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(Heartbeat, SaysWhatAndWhere) {
  const auto before = last_beat().count;
  beat(Activity::step, 12, 2);
  EXPECT_EQ(text_of(last_beat()), "step 12, layer 2");
  note_progress();
  EXPECT_EQ(last_beat().count, before + 2);
  beat(Activity::evaluation, 12);
  EXPECT_EQ(text_of(last_beat()), "evaluation at step 12");
  beat(Activity::data);
  EXPECT_EQ(text_of(last_beat()), "data");
}

TEST(FailureHandler, IsCalledOnce) {
  int calls = 0;
  set_failure_handler([&](ExitStatus status, const std::string& message) {
    EXPECT_EQ(status, ExitStatus::diverged);
    EXPECT_EQ(message, "why");
    ++calls;
    throw Error(ExitStatus::runtime, "no room");  // must not get out
  });
  call_failure_handler(ExitStatus::diverged, "why");
  call_failure_handler(ExitStatus::diverged, "why");
  EXPECT_EQ(calls, 1);
}

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

TEST(Watchdog, EndsAProcessThatDoesNotComeOn) {
  EXPECT_EXIT(
      {
        beat(Activity::step, 7, 3);
        Watchdog watchdog(0.3);
        watchdog.set_rank(2, 4);
        sleep_for(60);
      },
      testing::ExitedWithCode(75),
      "warning: .rank 2 of 4 on .*step 7, layer 3(.|\n)*error: .rank 2 of 4.*step 7, layer 3");
}

TEST(Watchdog, CallsTheFailureHandler) {
  EXPECT_EXIT(
      {
        Watchdog watchdog(0.2);
        set_failure_handler([](ExitStatus status, const std::string&) {
          std::fprintf(stderr, "last words %d\n", static_cast<int>(status));
        });
        sleep_for(60);
      },
      testing::ExitedWithCode(75), "last words 75");
}

TEST(Watchdog, EndsAProcessWhoseFailureHandlerDoesNotEnd) {
  EXPECT_EXIT(
      {
        Watchdog watchdog(0.2);
        set_failure_handler([](ExitStatus, const std::string&) { sleep_for(60); });
        sleep_for(60);
      },
      testing::ExitedWithCode(75), "");
}

TEST(Watchdog, LeavesAProcessAloneThatComesOn) {
  EXPECT_EXIT(
      {
        Watchdog watchdog(1.5);
        for (int k = 0; k < 20; ++k) {
          sleep_for(0.1);
          note_progress();
        }
        watchdog.set_limit(0);
        sleep_for(2);
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Watchdog, GivesDataMoreTimeThanSteps) {
  EXPECT_EXIT(
      {
        beat(Activity::data);
        Watchdog watchdog(0.5);
        sleep_for(1);
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sibp
