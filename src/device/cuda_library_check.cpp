// The statuses of the libraries, apart from those of CUDA's runtime: who uses the runtime alone does not load them.
#include "device/cuda_check.hpp"

namespace sibp::cuda {

void check(cublasStatus_t status, const char* call, std::source_location where) {
  if (status != CUBLAS_STATUS_SUCCESS) fail(call, cublasGetStatusString(status), where);
}

void check(cusolverStatus_t status, const char* call, std::source_location where) {
  if (status != CUSOLVER_STATUS_SUCCESS) fail(call, "cuSOLVER's status " + std::to_string(status), where);
}

}  // namespace sibp::cuda
