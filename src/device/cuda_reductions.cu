// Sums over matrices, in double and in an order that depends on the shape alone, and work that threads share.
#include "device/cuda_check.hpp"
#include "device/cuda_instances.hpp"
#include "device/cuda_kernels.hpp"
#include "device/cuda_teams.cuh"

#include <algorithm>

namespace sibp::cuda {
namespace {

constexpr int threads = 256;
constexpr int lanes = Warp::lanes;
constexpr int warps = threads / lanes;
constexpr Index most_parts_down = 16;
constexpr Index most_blocks_across = 4096;

/// partials[k · parts + p] ← part p of sum k: what the threads of block (x, y) of the grid meet.
template <class Term>
__global__ void partial_sums_kernel(Index rows, Index cols, Term term, double* partials) {
  const Index k = blockIdx.z;
  double sum = 0;
  for (Index c = Index{blockIdx.y} * warps + threadIdx.x / lanes; c < cols; c += Index{gridDim.y} * warps) {
    for (Index r = Index{blockIdx.x} * lanes + threadIdx.x % lanes; r < rows; r += Index{gridDim.x} * lanes)
      sum += term(r, c, k);
  }
  sum = Block<threads>().sum(sum);
  const Index parts = Index{gridDim.x} * gridDim.y;
  const Index part = Index{blockIdx.y} * gridDim.x + blockIdx.x;
  if (threadIdx.x == 0) partials[k * parts + part] = sum;
}

/// sums[k] ← (adding: sums[k] +) the sum of the parts of sum k; one block for each.
__global__ void total_kernel(const double* partials, Index parts, double* sums, bool adding) {
  const Index k = blockIdx.x;
  double sum = 0;
  for (Index p = threadIdx.x; p < parts; p += threads) sum += partials[k * parts + p];
  sum = Block<threads>().sum(sum);
  if (threadIdx.x == 0) sums[k] = adding ? sums[k] + sum : sum;
}

/// products[r] for `lanes` rows a block; its warps share the columns.
__global__ void row_products_kernel(ConstMatrixView a, ConstMatrixView b, double* products) {
  __shared__ double sums[warps][lanes];
  const int lane = threadIdx.x % lanes;
  const int warp = threadIdx.x / lanes;
  const Index r = Index{blockIdx.x} * lanes + lane;
  double sum = 0;
  if (r < a.rows) {
    for (Index c = warp; c < a.cols; c += warps) sum += static_cast<double>(a(r, c)) * static_cast<double>(b(r, c));
  }
  sums[warp][lane] = sum;
  __syncthreads();
  if (warp != 0 || r >= a.rows) return;
  for (int other = 1; other < warps; ++other) sum += sums[other][lane];
  products[r] = sum;
}

/// `lanes` channels a block; its warps are their teams.
template <class Work>
__global__ void channel_kernel(Work work) {
  const Column<warps> team;
  const Index channel = Index{blockIdx.x} * lanes + threadIdx.x % lanes;
  for (Index part = blockIdx.y; part < work.parts; part += gridDim.y) {
    work(team, channel, part);
  }
}

/// A warp for each column. partials ← the losses, then the right answers, of each block.
template <class Work>
__global__ void column_kernel(Index cols, Work work, double* partials) {
  const Warp warp;
  work::SampleLoss mine{0, 0};
  for (Index c = Index{blockIdx.x} * warps + threadIdx.x / lanes; c < cols; c += Index{gridDim.x} * warps) {
    const work::SampleLoss sample = work(warp, c);
    if (Warp::rank() == 0) {
      mine.loss += sample.loss;
      mine.correct += sample.correct;
    }
  }
  const double loss = Block<threads>().sum(mine.loss);
  const double correct = Block<threads>().sum(mine.correct);
  if (threadIdx.x != 0) return;
  partials[blockIdx.x] = loss;
  partials[gridDim.x + blockIdx.x] = correct;
}

template <class Work>
__global__ void block_kernel(Work work) {
  work(Block<threads>());
}

Index parts_for(Index elements, Index of_block, Index most) {
  return std::min((elements + of_block - 1) / of_block, most);
}

void check_start() {
  check(cudaGetLastError(), "the start of a kernel");
}

}  // namespace

template <class Term>
void sum_terms(cudaStream_t stream, Index rows, Index cols, Index count, const Term& term, double* partials,
               double* sums) {
  const Index down = parts_for(rows, lanes, most_parts_down);
  const Index across = parts_for(cols, warps, most_parts / down);
  const dim3 grid(static_cast<unsigned>(down), static_cast<unsigned>(across), static_cast<unsigned>(count));
  partial_sums_kernel<<<grid, threads, 0, stream>>>(rows, cols, term, partials);
  check_start();
  total_kernel<<<grid.z, threads, 0, stream>>>(partials, down * across, sums, false);
  check_start();
}

void row_products(cudaStream_t stream, ConstMatrixView a, ConstMatrixView b, double* products) {
  const auto blocks = static_cast<unsigned>((a.rows + lanes - 1) / lanes);
  row_products_kernel<<<blocks, threads, 0, stream>>>(a, b, products);
  check_start();
}

void sum_channels(cudaStream_t stream, const work::ChannelSums& work) {
  const dim3 grid(static_cast<unsigned>((work.channels + lanes - 1) / lanes),
                  static_cast<unsigned>(std::min(work.parts, most_blocks_across)));
  channel_kernel<<<grid, threads, 0, stream>>>(work);
  check_start();
}

template <class Work>
void for_each_column(cudaStream_t stream, Index cols, const Work& work, double* partials, double* totals) {
  const Index blocks = parts_for(cols, warps, most_parts);
  column_kernel<<<static_cast<unsigned>(blocks), threads, 0, stream>>>(cols, work, partials);
  check_start();
  total_kernel<<<2, threads, 0, stream>>>(partials, blocks, totals, true);
  check_start();
}

template <class Work>
void run_block(cudaStream_t stream, const Work& work) {
  block_kernel<<<1, threads, 0, stream>>>(work);
  check_start();
}

#define SIBP_INSTANCE(Term) \
  template void sum_terms(cudaStream_t, Index, Index, Index, const work::Term&, double*, double*);
SIBP_TERMS(SIBP_INSTANCE)
#undef SIBP_INSTANCE
#define SIBP_INSTANCE(Work) template void for_each_column(cudaStream_t, Index, const work::Work&, double*, double*);
SIBP_COLUMN_WORK(SIBP_INSTANCE)
#undef SIBP_INSTANCE
#define SIBP_INSTANCE(Work) template void run_block(cudaStream_t, const work::Work&);
SIBP_BLOCK_WORK(SIBP_INSTANCE)
#undef SIBP_INSTANCE

}  // namespace sibp::cuda
