#pragma once

#include <sched.h>

namespace sibp {

/// Returns once `reached()`; meanwhile calls `poll`, for whatever else is under way.
template <class Condition, class Poll>
void wait_until(const Condition& reached, const Poll& poll) {
  for (int before_yielding = 1000; !reached();) {
    if (before_yielding > 0) {
      --before_yielding;
      continue;
    }
    poll();
    sched_yield();  // where ranks are more than cores, the one waited for needs this one
  }
}

}  // namespace sibp
