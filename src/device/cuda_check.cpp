#include "device/cuda_check.hpp"

#include "sibp/core/error.hpp"

namespace sibp::cuda {

void fail(const char* call, const std::string& text, std::source_location where) {
  throw Error(ExitStatus::runtime, std::string(call) + " failed: " + text, where);
}

void check(cudaError_t status, const char* call, std::source_location where) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();
  fail(call, cudaGetErrorString(status), where);
}

bool is_done(cudaError_t query, const char* call, std::source_location where) {
  if (query == cudaErrorNotReady) {
    (void)cudaGetLastError();  // or the check of the next kernel's launch would find it
    return false;
  }
  check(query, call, where);
  return true;
}

}  // namespace sibp::cuda
