#include "comm/mpi/types.hpp"

#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

namespace sibp {

MPI_Datatype mpi_type(ElementType type) {
  switch (type) {
    case ElementType::byte:
      return MPI_BYTE;
    case ElementType::int32:
      return MPI_INT32_T;
    case ElementType::int64:
      return MPI_INT64_T;
    case ElementType::uint64:
      return MPI_UINT64_T;
    case ElementType::float32:
      return MPI_FLOAT;
    case ElementType::float64:
      return MPI_DOUBLE;
  }
  throw Error(ExitStatus::runtime, "unknown element type");
}

MPI_Op mpi_op(Reduction reduction) {
  switch (reduction) {
    case Reduction::sum:
      return MPI_SUM;
    case Reduction::max:
      return MPI_MAX;
    case Reduction::min:
      return MPI_MIN;
  }
  throw Error(ExitStatus::runtime, "unknown reduction");
}

MPI_Datatype mpi_real() {
  return mpi_type(ElementTypeOf<Real>::value);
}

}  // namespace sibp
