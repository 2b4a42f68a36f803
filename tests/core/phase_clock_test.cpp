#include "sibp/core/phase_clock.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

std::vector<Phase> told;

TEST(PhaseClock, TellsAProfilerWhichPhaseBegins) {
  PhaseClock::tell([](Phase phase) { told.push_back(phase); });
  PhaseClock clock;
  {
    const PhaseClock::Scope forward(clock, Phase::forward);
    const PhaseClock::Scope communication(clock, Phase::communication);
  }
  PhaseClock::tell(nullptr);
  const PhaseClock::Scope unseen(clock, Phase::solve);
  EXPECT_THAT(told, testing::ElementsAre(Phase::forward, Phase::communication, Phase::forward, Phase::other));
}

}  // namespace
}  // namespace sibp
