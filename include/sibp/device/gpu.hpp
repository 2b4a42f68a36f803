#pragma once

#include "sibp/device/device.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sibp {

/// How matrix products of float are computed on a GPU; factorisations and solves are in float always.
enum class Precision {
  fp32,  ///< factors of 24 significant bits, as on the CPU
  tf32,  ///< factors rounded to 11 significant bits, sums in float: several times faster
};

/// "fp32" or "tf32".
constexpr std::string_view name_of(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : "tf32";
}

/// One GPU, for people and to tell it from others.
struct GpuInfo {
  std::string name;
  std::array<std::uint64_t, 2> uuid{};
  std::int64_t memory_bytes = 0;
  std::string versions;  ///< of the driver and the libraries
};

/// The libraries for GPUs that the program was built for, for people. Local.
std::string gpu_support();

/// The GPUs that this process sees.
struct Gpus {
  int count = 0;
  std::string why_none;  ///< for people; empty if there are some
};

/// Local. Does not throw: a build without GPU support sees none.
Gpus find_gpus();

/// Leaves the GPU alone: nothing is allocated on it. Local. Throws Error (runtime) in a build without GPU support, or
/// if the driver reports an error.
GpuInfo describe_gpu(int index);

/// GPU `index` of those that this process sees, with cuBLAS and cuSOLVER, and cuDNN where it is found. Local. Throws as
/// describe_gpu does.
///
/// Its operations are queued on one stream; what puts numbers into host memory waits for them, and calls progress()
/// while it does. A batch is loaded on another stream, and Device::store keeps samples in the GPU's memory if they fit.
std::unique_ptr<Device> make_cuda_device(int index, Precision precision);

}  // namespace sibp
