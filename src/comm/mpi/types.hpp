#pragma once

#include "sibp/comm/backend.hpp"

#include "device/bfloat16.hpp"

#include <type_traits>

#include <mpi.h>

namespace sibp {

MPI_Datatype mpi_type(ElementType type);
MPI_Op mpi_op(Reduction reduction);
/// That of the elements of matrices.
MPI_Datatype mpi_real();
/// That of what travels, Real or Bfloat16.
template <class Element>
MPI_Datatype mpi_element() {
  static_assert(std::is_same_v<Element, Real> || std::is_same_v<Element, Bfloat16>);
  return std::is_same_v<Element, Real> ? mpi_real() : MPI_UINT16_T;
}

}  // namespace sibp
