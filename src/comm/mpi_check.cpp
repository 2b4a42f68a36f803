#include "comm/mpi_check.hpp"

#include "sibp/core/error.hpp"

#include <string>

#include <mpi.h>

namespace sibp {

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(ExitStatus::runtime,
              std::string(call) + " failed: " + std::string(text, static_cast<std::size_t>(length)));
}

}  // namespace sibp
