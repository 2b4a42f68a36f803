#include "sibp/core/process.hpp"

#include <array>
#include <chrono>
#include <fstream>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

namespace sibp {
namespace {

const auto process_start = std::chrono::steady_clock::now();  // as good as the start of the process

}  // namespace

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;  // Linux counts in KiB
}

std::int64_t memory_in_use_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t pages_mapped = 0;
  std::int64_t pages_resident = 0;
  statm >> pages_mapped >> pages_resident;
  return pages_resident * sysconf(_SC_PAGESIZE);
}

void give_back_large_blocks() {
  // By default a freed block of up to 32 MiB raises the size from which blocks are given back to its own.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

double seconds_since_start() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - process_start).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

}  // namespace sibp
