#pragma once

#include "sibp/comm/traffic.hpp"
#include "sibp/core/trace.hpp"

#include <mpi.h>

namespace sibp {

/// The wait for a collective while it lives: counts what was hidden before, and tells the trace when it is over.
class TimedWait {
 public:
  /// `started` is the MPI_Wtime of the collective's start.
  TimedWait(Traffic& traffic, const char* name, double started)
      : name_(name), waiting_(MPI_Wtime()), hidden_(waiting_ - started) {
    traffic.add_hidden(hidden_);
  }
  TimedWait(const TimedWait&) = delete;
  TimedWait& operator=(const TimedWait&) = delete;
  ~TimedWait() {
    if (Trace::is_on()) Trace::add_collective(name_, hidden_, MPI_Wtime() - waiting_);
  }

 private:
  const char* name_;
  double waiting_;  ///< since
  double hidden_;   ///< seconds
};

}  // namespace sibp
