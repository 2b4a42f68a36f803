// Stands in for the GPU device in a build without GPU support.
#include "sibp/core/error.hpp"
#include "sibp/device/gpu.hpp"

namespace sibp {
namespace {

constexpr auto reason = "built without GPU support; configure with -DSIBP_GPU=on where CUDA and NCCL are installed";

}  // namespace

std::string gpu_support() {
  return "no GPU support";
}

Gpus find_gpus() {
  return {0, reason};
}

GpuInfo describe_gpu(int) {
  throw Error(ExitStatus::runtime, reason);
}

std::unique_ptr<Device> make_cuda_device(int, Precision) {
  throw Error(ExitStatus::runtime, reason);
}

}  // namespace sibp
