#pragma once

#include "sibp/comm/backend.hpp"

#include "comm/mpi/calls.hpp"

namespace sibp {

/// A matrix in host memory whose sums over samples are exact, so that they are the same bits whatever ranks the samples
/// are on: operands are rounded to grids that all ranks agree on, parts are summed over ranks in double, where no sum
/// is rounded, and the total once (device/exact_products.hpp). For at most `most_samples` samples in all; with a root
/// the total is for that rank alone. Parts are set by set_product and set_triangle alone. `backend`, of the same ranks,
/// reduces and counts. Local.
std::unique_ptr<AllReduce> make_exact_matrix(Matrix matrix, const MpiComm& ranks, CommunicatorBackend& backend,
                                             Index most_samples, Root root = {});

/// The same for sums of which every rank gets some columns. Local.
std::unique_ptr<ReduceScatter> make_exact_reduce_scatter(Matrix matrix, const MpiComm& ranks,
                                                         CommunicatorBackend& backend, Index most_samples);

}  // namespace sibp
