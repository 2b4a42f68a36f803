#pragma once

#include "sibp/comm/traffic.hpp"
#include "sibp/core/trace.hpp"

#include <mpi.h>

namespace sibp {

/// The wait for a collective while it lives: counts how long it was under way before and in the wait, and tells the
/// trace.
class TimedWait {
 public:
  /// `started` is the MPI_Wtime of the collective's start.
  TimedWait(Traffic& traffic, Collective kind, double started)
      : traffic_(traffic), kind_(kind), waiting_(MPI_Wtime()), hidden_(waiting_ - started) {}
  TimedWait(const TimedWait&) = delete;
  TimedWait& operator=(const TimedWait&) = delete;
  ~TimedWait() {
    const double exposed = MPI_Wtime() - waiting_;
    traffic_.add_seconds(kind_, {hidden_, exposed});
    if (Trace::is_on()) Trace::add_collective(name_of(kind_), hidden_, exposed);
  }

 private:
  Traffic& traffic_;
  Collective kind_;
  double waiting_;  ///< since
  double hidden_;   ///< seconds
};

}  // namespace sibp
