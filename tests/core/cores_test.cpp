// The cores of a process, against what the system's own calls say.
#include "sibp/core/cores.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

namespace sibp {
namespace {

TEST(Cores, AreThoseThatTheSystemNames) {
  cpu_set_t set;
  CPU_ZERO(&set);
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  std::vector<int> expected;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) expected.push_back(core);
  }
  EXPECT_EQ(bound_cores(), expected);
  EXPECT_GE(machine_cores(), std::ssize(expected));
}

TEST(Cores, OfABoundProcessAreFewer) {
  const std::vector<int> all = bound_cores();
  const int last = all.back();
  EXPECT_EXIT(
      {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(last, &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0) std::_Exit(1);
        const bool is_machine_whole = machine_cores() >= static_cast<int>(all.size());
        std::_Exit(bound_cores() == std::vector<int>{last} && is_machine_whole ? 0 : 2);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace sibp
