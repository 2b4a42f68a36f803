#pragma once

#include "sibp/core/types.hpp"

struct CUstream_st;  ///< a stream of CUDA; the sources that call this need no header of CUDA

namespace sibp::cuda {

/// Queues a kernel on a stream that calls work(r, c) for every element of a rows × cols matrix, which is not empty, in
/// any order. Compiled for the types of cuda_instances.hpp; throws Error (runtime) if the start fails, and in a build
/// without GPU support.
template <class Work>
void for_each_element(CUstream_st* stream, Index rows, Index cols, const Work& work);

}  // namespace sibp::cuda
