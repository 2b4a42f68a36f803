// What is asked of cuDNN without a GPU: its statuses in words and its version. Apart from what computes with it, so
// that programs that only ask load no other library.
#include "device/cuda_check.hpp"
#include "device/cuda_convolution.hpp"
#include "device/cudnn_handles.hpp"

#include <fmt/format.h>

namespace sibp::cuda {

void check(cudnnStatus_t status, const char* call, std::source_location where) {
  if (status != CUDNN_STATUS_SUCCESS) fail(call, cudnnGetErrorString(status), where);
}

std::string convolution_library() {
  return fmt::format("cuDNN {}.{}", CUDNN_MAJOR, CUDNN_MINOR);
}

std::string convolution_library_found() {
  const std::size_t version = cudnnGetVersion();
  if (version == 0) return fmt::format("{} is not found", cudnn_file);
  return fmt::format("cuDNN {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace sibp::cuda
