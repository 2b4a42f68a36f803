// What all calls of MPI share: the check of their results, MPI's types, communicators, and waits.
#pragma once

#include "sibp/comm/backend.hpp"
#include "sibp/core/trace.hpp"

#include "device/bfloat16.hpp"

#include <type_traits>

#include <mpi.h>
#include <sched.h>

namespace sibp {

/// Throws Error with MPI's message unless `code` is MPI_SUCCESS; `call` names the function that returned it. The status
/// is runtime for calls that MPI calls wrong, and stalled otherwise: a peer or a link was lost.
void check(int code, const char* call);

MPI_Datatype mpi_type(ElementType type);
MPI_Op mpi_op(Reduction reduction);
/// That of the elements of matrices.
MPI_Datatype mpi_real();
/// That of what travels, Real or Bfloat16.
template <class Element>
MPI_Datatype mpi_element() {
  static_assert(std::is_same_v<Element, Real> || std::is_same_v<Element, Bfloat16>);
  return std::is_same_v<Element, Real> ? mpi_real() : MPI_UINT16_T;
}

/// Owns an MPI communicator whose errors are returned rather than fatal, so that check() sees them. May be empty.
class MpiComm {
 public:
  MpiComm() = default;
  /// Takes `owned` over; MPI_COMM_NULL makes it empty. Local.
  explicit MpiComm(MPI_Comm owned);
  MpiComm(MpiComm&& other) noexcept;
  MpiComm& operator=(MpiComm&& other) noexcept;
  /// Collective, but for the end of a rank by an exception.
  ~MpiComm();

  [[nodiscard]] MPI_Comm get() const { return comm_; }
  [[nodiscard]] bool empty() const { return comm_ == MPI_COMM_NULL; }
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 0;
};

/// The same ranks again, with messages of their own. Collective.
MpiComm duplicate(MPI_Comm ranks);
/// The ranks of one colour, in the order they have in `ranks`; none for the colour MPI_UNDEFINED. Collective.
MpiComm split(MPI_Comm ranks, int colour);
/// Those that can share memory with this one. Collective.
MpiComm split_into_nodes(MPI_Comm ranks);

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
