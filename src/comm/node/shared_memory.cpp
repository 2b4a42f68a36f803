#include "comm/node/shared_memory.hpp"

#include "comm/mpi/calls.hpp"

#include <array>
#include <cstdio>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace sibp {
namespace {

using Name = std::array<char, 64>;

/// True on all ranks if it is on all.
bool all_agree(MPI_Comm node, bool condition) {
  int agreed = condition ? 1 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &agreed, 1, MPI_INT, MPI_MIN, node), "MPI_Allreduce");
  return agreed == 1;
}

/// A new object of `bytes` bytes that are really there, unlike those of a file merely made longer; −1 if they are not.
int create(Name& name, std::size_t bytes) {
  static int count = 0;
  std::snprintf(name.data(), name.size(), "/sibp-%ld-%d", static_cast<long>(::getpid()), count++);
  const int file = ::shm_open(name.data(), O_CREAT | O_EXCL | O_RDWR, 0600);
  if (file < 0) return -1;
  if (::posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0) return file;
  ::close(file);
  ::shm_unlink(name.data());
  return -1;
}

}  // namespace

std::unique_ptr<SharedMemory> SharedMemory::make(MPI_Comm node, std::size_t bytes) {
  int rank = 0;
  check(MPI_Comm_rank(node, &rank), "MPI_Comm_rank");
  Name name{};
  int file = rank == 0 ? create(name, bytes) : 0;
  if (!all_agree(node, file >= 0)) return nullptr;
  check(MPI_Bcast(name.data(), static_cast<int>(name.size()), MPI_CHAR, 0, node), "MPI_Bcast");
  if (rank != 0) file = ::shm_open(name.data(), O_RDWR, 0600);
  void* data = file < 0 ? MAP_FAILED : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (file >= 0) ::close(file);
  const bool everywhere = all_agree(node, data != MAP_FAILED);
  if (rank == 0) ::shm_unlink(name.data());  // all have it open: it goes with the last of them, however they end
  if (everywhere) return std::unique_ptr<SharedMemory>(new SharedMemory(static_cast<std::byte*>(data), bytes));
  if (data != MAP_FAILED) ::munmap(data, bytes);
  return nullptr;
}

SharedMemory::~SharedMemory() {
  ::munmap(data_, bytes_);
}

}  // namespace sibp
