// Sums over ranks that MPI carries while other work goes on, in one stage or several.
#pragma once

#include "sibp/comm/backend.hpp"

#include "comm/mpi/calls.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

namespace sibp {

/// A sum over ranks in stages, such as two collectives of which the second sends what the first has brought. It goes on
/// whenever its rank calls advance().
class StagedSum {
 public:
  StagedSum() = default;
  StagedSum(const StagedSum&) = delete;
  StagedSum& operator=(const StagedSum&) = delete;
  virtual ~StagedSum() = default;

  static constexpr int all = std::numeric_limits<int>::max();

  /// Goes on as far as it can without waiting for anybody, but starts none of its collectives beyond the first
  /// `allowed`. Returns how many it has started since the sum began, `all` if it will start no more.
  virtual int advance(int allowed) = 0;
  /// This rank's part in the sum is over.
  [[nodiscard]] virtual bool done() const = 0;
};

/// The sums under way, in the order in which they began, which is the same on all ranks. Every rank goes on with them
/// in its own time, but collectives of a communicator must start in one order everywhere: the k-th of a sum, on its
/// k-th communicator, starts after the k-th of all that began before.
class SumsUnderWay {
 public:
  /// Room for one more at a time, so that begin() allocates nothing.
  void enrol() { sums_.reserve(++enrolled_); }

  void begin(StagedSum& sum) {
    sums_.push_back(&sum);
    advance();
  }

  void advance() {
    int allowed = StagedSum::all;
    for (StagedSum* sum : sums_) allowed = std::min(allowed, sum->advance(allowed));
    std::erase_if(sums_, [](const StagedSum* sum) { return sum->done(); });
  }

 private:
  std::vector<StagedSum*> sums_;
  std::size_t enrolled_ = 0;
};

/// Where sums over the same ranks go: a communicator for each stage, and what travels.
struct SumChannel {
  /// Collective.
  SumChannel(MPI_Comm ranks, Wire what_travels)
      : first(duplicate(ranks)), second(duplicate(ranks)), wire(what_travels) {}

  MpiComm first;
  MpiComm second;
  Wire wire;
};

/// A staged sum of numbers where they lie; to be used again and again.
class InPlaceSum : public StagedSum {
 public:
  /// data ← sum over ranks, equal on all of them bit for bit, once done(); with a root on that rank alone. To be
  /// followed by SumsUnderWay::begin().
  virtual void set(std::span<Real> data, Root root) = 0;
};

/// A sum through `channel`, which outlives it, in the format of its wire. Local.
std::unique_ptr<InPlaceSum> make_in_place_sum(const SumChannel& channel);

/// Starts data ← sum over ranks by the library, on all of them or on the root alone; the other ranks' data stay as they
/// are. Adds the requests. Every implementation of MPI_Allreduce known here gives all ranks the same bits: it adds each
/// pair of partial sums in one place, or the same two in several.
void start_library_sum(std::span<float> data, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests);
void start_library_sum(std::span<double> data, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests);

}  // namespace sibp
