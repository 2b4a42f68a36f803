// Which GPUs there are. Needs CUDA's runtime alone, so that programs that only ask load no large library.
#include "sibp/device/gpu.hpp"

#include "device/cuda_check.hpp"
#include "device/cuda_convolution.hpp"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

namespace sibp {
namespace {

cudaDeviceProp properties_of(int gpu) {
  cudaDeviceProp properties{};
  cuda::check(cudaGetDeviceProperties(&properties, gpu), "cudaGetDeviceProperties");
  return properties;
}

/// "580.65.06" by the driver's own file, which is not everywhere.
std::string driver_release() {
  std::ifstream file("/sys/module/nvidia/version");
  std::string release;
  return file >> release ? " " + release : "";
}

std::string dotted(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace

std::string gpu_support() {
  return fmt::format("CUDA {} with NCCL and {}", dotted(CUDART_VERSION), cuda::convolution_library());
}

Gpus find_gpus() {
  Gpus gpus;
  const cudaError_t status = cudaGetDeviceCount(&gpus.count);
  if (status != cudaSuccess) {
    (void)cudaGetLastError();
    return {0, fmt::format("CUDA finds no GPU or no driver ({})", cudaGetErrorString(status))};
  }
  if (gpus.count == 0) gpus.why_none = "CUDA finds no GPU";
  return gpus;
}

GpuInfo describe_gpu(int index) {
  const cudaDeviceProp properties = properties_of(index);
  GpuInfo info;
  info.name = properties.name;
  static_assert(sizeof(properties.uuid.bytes) == sizeof(info.uuid));
  std::copy_n(properties.uuid.bytes, sizeof(info.uuid), reinterpret_cast<char*>(info.uuid.data()));
  info.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  int driver = 0;
  int runtime = 0;
  cuda::check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  cuda::check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  info.versions = fmt::format("driver{} for CUDA {}, CUDA {}, {}", driver_release(), dotted(driver), dotted(runtime),
                              cuda::convolution_library_found());
  return info;
}

}  // namespace sibp
