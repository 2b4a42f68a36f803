#pragma once

#include <source_location>
#include <string>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

/// Status codes of CUDA's libraries as exceptions. `call` names the function for people.
namespace sibp::cuda {

/// Throws Error (runtime): the call failed, and `text` says how.
[[noreturn]] void fail(const char* call, const std::string& text,
                       std::source_location where = std::source_location::current());

/// Throws Error (runtime) unless `status` is success. Clears an error that CUDA keeps for the next who asks.
void check(cudaError_t status, const char* call, std::source_location where = std::source_location::current());
void check(cublasStatus_t status, const char* call, std::source_location where = std::source_location::current());
void check(cusolverStatus_t status, const char* call, std::source_location where = std::source_location::current());

/// True if what the query is about is done, false if it is not yet. Throws as check does.
bool is_done(cudaError_t query, const char* call, std::source_location where = std::source_location::current());

}  // namespace sibp::cuda
