// Stands in for the GPU device in a build without GPU support.
#include "sibp/core/error.hpp"
#include "sibp/device/gpu.hpp"

#include "device/channel_work.hpp"
#include "device/cuda_element_kernel.hpp"
#include "device/cuda_instances.hpp"
#include "device/data_term_work.hpp"
#include "device/element_work.hpp"
#include "device/window_work.hpp"

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

template <class Work>
void cuda::for_each_element(CUstream_st*, Index, Index, const Work&) {
  throw Error(ExitStatus::runtime, reason);
}

#define SIBP_INSTANCE(Work) template void cuda::for_each_element(CUstream_st*, Index, Index, const work::Work&);
SIBP_ELEMENT_WORK(SIBP_INSTANCE)
#undef SIBP_INSTANCE

}  // namespace sibp
