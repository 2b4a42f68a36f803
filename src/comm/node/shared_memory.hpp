#pragma once

#include <cstddef>
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

}  // namespace sibp
