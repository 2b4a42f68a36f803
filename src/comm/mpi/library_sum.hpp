#pragma once

#include "sibp/comm/backend.hpp"

#include <span>
#include <vector>

#include <mpi.h>

namespace sibp {

/// Starts data ← sum over ranks by the library, on all of them or on the root alone; the other ranks' data stay as they
/// are. Adds the requests. Every implementation of MPI_Allreduce known here gives all ranks the same bits: it adds each
/// pair of partial sums in one place, or the same two in several.
void start_library_sum(std::span<float> data, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests);
void start_library_sum(std::span<double> data, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests);

}  // namespace sibp
