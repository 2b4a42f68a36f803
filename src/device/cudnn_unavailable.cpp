// Stands in for cuDNN in a build for GPUs without it: convolutions unfold their patches.
#include "device/cuda_convolution.hpp"

namespace sibp::cuda {

std::unique_ptr<ConvolutionLibrary> open_convolution_library(CudaDevice&, Precision) {
  return nullptr;
}

std::string convolution_library() {
  return "no cuDNN";
}

std::string convolution_library_found() {
  return convolution_library();
}

}  // namespace sibp::cuda
