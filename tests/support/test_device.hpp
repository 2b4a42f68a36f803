#pragma once

// The device that a test program runs on: the environment variable SIBP_TEST_DEVICE says cpu (or nothing) or cuda. The
// same tests are registered for both; see sibp_add_test.

#include "sibp/comm/communicator.hpp"
#include "sibp/device/gpu.hpp"

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sibp::testing_support {

inline bool tests_gpu() {
  const char* name = std::getenv("SIBP_TEST_DEVICE");  // NOLINT(concurrency-mt-unsafe): nothing sets variables
  return name != nullptr && std::string_view(name) == "cuda";
}

/// Why the tests cannot run on the device they are for; nothing if they can.
inline std::optional<std::string> why_skipped(int ranks) {
  if (!tests_gpu()) return std::nullopt;
  const Gpus gpus = find_gpus();
  if (gpus.count == 0) return gpus.why_none;
  if (gpus.count < ranks)
    return std::to_string(ranks) + " ranks need as many GPUs, and there are " + std::to_string(gpus.count);
  return std::nullopt;
}

inline std::unique_ptr<Device> make_test_device() {
  if (!tests_gpu()) return make_cpu_device(1);
  return make_cuda_device(make_mpi_communicator().rank(), Precision::fp32);
}

/// All ranks, for matrices of `device`: on a GPU by NCCL even if there is one rank alone.
inline Communicator make_test_communicator(Device& device) {
  const Communicator world = make_mpi_communicator();
  return tests_gpu() ? make_gpu_communicator(world, device, 60) : world;
}

}  // namespace sibp::testing_support
