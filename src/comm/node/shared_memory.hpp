// Memory that the ranks of a node share, and how far each of them is with what lies in it.
#pragma once

#include "comm/mpi/calls.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <mpi.h>

namespace sibp {

/// Memory that the ranks of a node share, given back when its last owner is gone. POSIX shared memory and not an MPI
/// window: Open MPI 4.1 hangs where the system has too little left, and here every rank is told.
class SharedMemory {
 public:
  /// `bytes` bytes of zeros, the same for all ranks of `node`; nothing, on every rank, if the system has no room.
  /// Collective. Throws Error (runtime) if MPI fails.
  static std::unique_ptr<SharedMemory> make(MPI_Comm node, std::size_t bytes);

  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  SharedMemory(std::byte* data, std::size_t bytes) : data_(data), bytes_(bytes) {}

  std::byte* data_;
  std::size_t bytes_;
};

/// How far each rank of a node is, in memory that they share: one count a rank, in a cache line of its own.
class RankProgress {
 public:
  /// `memory`: bytes(ranks) bytes that were zeros at the start, the same for all ranks.
  RankProgress(std::byte* memory, int rank, int ranks)
      : lines_(reinterpret_cast<Line*>(memory)), rank_(rank), ranks_(ranks) {}

  static std::size_t bytes(int ranks) { return static_cast<std::size_t>(ranks) * sizeof(Line); }

  /// This rank is as far as `count`; what it has written before is seen by those who wait for it. Local.
  void announce(std::uint64_t count) { std::atomic_ref(lines_[rank_].count).store(count, std::memory_order_release); }

  /// Whether rank q is as far as `count`, and what it has written before can be seen. Local.
  [[nodiscard]] bool has_reached(int q, std::uint64_t count) const {
    return std::atomic_ref(lines_[q].count).load(std::memory_order_acquire) >= count;
  }
  [[nodiscard]] bool all_have_reached(std::uint64_t count) const {
    for (int q = 0; q < ranks_; ++q)
      if (!has_reached(q, count)) return false;
    return true;
  }

  /// Returns when rank q is as far as `count`; meanwhile calls `poll`, for whatever else is under way.
  template <class Poll>
  void await(int q, std::uint64_t count, const Poll& poll) const {
    wait_until([&] { return has_reached(q, count); }, poll);
  }

  template <class Poll>
  void await_all(std::uint64_t count, const Poll& poll) const {
    for (int q = 0; q < ranks_; ++q) await(q, count, poll);
  }

 private:
  struct alignas(64) Line {
    std::uint64_t count;
  };

  Line* lines_;
  int rank_;
  int ranks_;
};

}  // namespace sibp
