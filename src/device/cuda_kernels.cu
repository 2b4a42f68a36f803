// Work on single elements, by one kernel.
#include "device/cuda_check.hpp"
#include "device/cuda_instances.hpp"
#include "device/cuda_kernels.hpp"

#include <algorithm>

namespace sibp::cuda {
namespace {

// A warp goes down a column, where elements lie side by side.
constexpr unsigned threads_down = 32;
constexpr unsigned threads_across = 8;
constexpr Index most_blocks_down = 1024;
constexpr Index most_blocks_across = 4096;

template <class Work>
__global__ void element_kernel(Index rows, Index cols, Work work) {
  const Index first_row = Index{blockIdx.x} * blockDim.x + threadIdx.x;
  const Index first_col = Index{blockIdx.y} * blockDim.y + threadIdx.y;
  const Index row_step = Index{gridDim.x} * blockDim.x;
  const Index col_step = Index{gridDim.y} * blockDim.y;
  for (Index c = first_col; c < cols; c += col_step) {
    for (Index r = first_row; r < rows; r += row_step) work(r, c);
  }
}

unsigned blocks_for(Index elements, Index of_block, Index most) {
  return static_cast<unsigned>(std::min((elements + of_block - 1) / of_block, most));
}

}  // namespace

template <class Work>
void for_each_element(cudaStream_t stream, Index rows, Index cols, const Work& work) {
  const dim3 grid(blocks_for(rows, threads_down, most_blocks_down),
                  blocks_for(cols, threads_across, most_blocks_across));
  element_kernel<<<grid, dim3(threads_down, threads_across), 0, stream>>>(rows, cols, work);
  check(cudaGetLastError(), "the start of a kernel");
}

#define SIBP_INSTANCE(Work) template void for_each_element(cudaStream_t, Index, Index, const work::Work&);
SIBP_ELEMENT_WORK(SIBP_INSTANCE)
#undef SIBP_INSTANCE

}  // namespace sibp::cuda
