#include "app/run/blas_memory.hpp"

#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"

#include <cstddef>
#include <string>

#include <fmt/format.h>
#include <sys/mman.h>

namespace sibp {
namespace {

/// Of one thread: OpenBLAS's BUFFER_SIZE for x86-64 is 128 MiB, its largest.
constexpr std::size_t buffer_bytes = std::size_t{128} << 20U;

}  // namespace

void check_blas_memory(int threads) {
  if (make_cpu_device(1)->description().find("OpenBLAS") == std::string::npos) return;
  const std::size_t bytes = buffer_bytes * static_cast<std::size_t>(threads);
  // Address space alone: no page of it is touched.
  void* probe = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED)
    throw Error(ExitStatus::runtime,
                fmt::format("OpenBLAS needs {} MiB of address space for its buffers, 128 for each of {} threads, and "
                            "cannot have it; raise the limit (ulimit -v) or use fewer --threads",
                            bytes >> 20U, threads));
  ::munmap(probe, bytes);
}

}  // namespace sibp
