#pragma once

#include "sibp/comm/backend.hpp"

#include <mpi.h>

namespace sibp {

MPI_Datatype mpi_type(ElementType type);
MPI_Op mpi_op(Reduction reduction);
/// That of the elements of matrices.
MPI_Datatype mpi_real();

}  // namespace sibp
