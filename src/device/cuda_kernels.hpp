#pragma once

#include "device/channel_work.hpp"
#include "device/cuda_element_kernel.hpp"
#include "device/data_term_work.hpp"
#include "device/element_work.hpp"
#include "device/team_work.hpp"
#include "device/window_work.hpp"

#include <cuda_runtime_api.h>

/// Own kernels beside that of cuda_element_kernel.hpp, started on a stream without waiting. The templates are compiled
/// for every type of work in cuda_kernels.cu and cuda_reductions.cu. No matrix is empty. Throw Error (runtime) if the
/// start fails.
namespace sibp::cuda {

/// Doubles that sum_terms() and column_losses() need in `partials`.
constexpr Index most_sums = work::ChangeTerm::most_steps;
constexpr Index most_parts = 512;  ///< of one sum
constexpr Index partials_size = most_sums * most_parts;

/// sums[k] ← Σ term(r, c, k) over a rows × cols matrix, for k < count ≤ most_sums; `sums` is memory that the GPU writes
/// to. The order of the additions depends on the shape alone.
template <class Term>
void sum_terms(cudaStream_t stream, Index rows, Index cols, Index count, const Term& term, double* partials,
               double* sums);

/// products[r] ← Σ_c a(r, c) b(r, c)
void row_products(cudaStream_t stream, ConstMatrixView a, ConstMatrixView b, double* products);

constexpr Index most_channel_parts = 128;

/// work(team, channel, part) for all channels and parts.
void sum_channels(cudaStream_t stream, const work::ChannelSums& work);

/// work(team, c) for each of `cols` columns; totals[0] and [1] grow by the losses and right answers that it returns.
template <class Work>
void for_each_column(cudaStream_t stream, Index cols, const Work& work, double* partials, double* totals);

/// work(team) once, by one block.
template <class Work>
void run_block(cudaStream_t stream, const Work& work);

}  // namespace sibp::cuda
