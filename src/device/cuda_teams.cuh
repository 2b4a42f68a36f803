#pragma once

#include "device/team_work.hpp"

#include <cub/block/block_reduce.cuh>

/// Teams of a GPU's threads, as team_work.hpp wants them. All members call the same functions.
namespace sibp::cuda {

/// The 32 threads of a warp, by exchanges between their registers.
struct Warp {
  static constexpr int lanes = 32;
  static constexpr unsigned everyone = 0xffffffffU;

  [[nodiscard]] __device__ static Index rank() { return threadIdx.x % lanes; }
  [[nodiscard]] __device__ static constexpr Index size() { return lanes; }

  template <class T>
  [[nodiscard]] __device__ T sum(T value) const {
    for (int distance = lanes / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(everyone, value, distance);
    return value;
  }
  [[nodiscard]] __device__ work::Largest largest(work::Largest value) const {
    for (int distance = lanes / 2; distance > 0; distance /= 2) {
      const work::Largest other{__shfl_xor_sync(everyone, value.value, distance),
                                __shfl_xor_sync(everyone, value.row, distance)};
      value = work::larger(value, other);
    }
    return value;
  }
};

/// All threads of a block of `threads`.
template <int threads>
class Block {
 public:
  [[nodiscard]] __device__ static Index rank() { return threadIdx.x; }
  [[nodiscard]] __device__ static constexpr Index size() { return threads; }

  [[nodiscard]] __device__ double sum(double value) const {
    using Reduce = cub::BlockReduce<double, threads>;
    __shared__ typename Reduce::TempStorage storage;
    return shared(Reduce(storage).Sum(value));
  }
  [[nodiscard]] __device__ Index least(Index value) const {
    using Reduce = cub::BlockReduce<Index, threads>;
    __shared__ typename Reduce::TempStorage storage;
    return shared(Reduce(storage).Reduce(value, [](Index a, Index b) { return a < b ? a : b; }));
  }

 private:
  /// What the first thread has, for all. Its barriers also let the storage of a reduction be used again.
  template <class T>
  [[nodiscard]] __device__ static T shared(T of_first) {
    __shared__ T value;
    __syncthreads();
    if (threadIdx.x == 0) value = of_first;
    __syncthreads();
    return value;
  }
};

/// The threads of a block that are the same lane of its `warps` warps: 32 teams side by side.
template <int warps>
class Column {
 public:
  [[nodiscard]] __device__ static Index rank() { return threadIdx.x / Warp::lanes; }
  [[nodiscard]] __device__ static constexpr Index size() { return warps; }

  [[nodiscard]] __device__ double sum(double value) const {
    __shared__ double values[warps][Warp::lanes];
    const unsigned lane = threadIdx.x % Warp::lanes;
    __syncthreads();  // the sum before is over
    values[rank()][lane] = value;
    __syncthreads();
    double sum = 0;
    for (int warp = 0; warp < warps; ++warp) sum += values[warp][lane];
    return sum;
  }
};

}  // namespace sibp::cuda
