#include "sibp/comm/environment.hpp"

#include "sibp/core/error.hpp"

#include <cstdlib>

#include <mpi.h>

namespace sibp {

MpiEnvironment::MpiEnvironment(int& argc, char**& argv) {
  int provided = 0;
  const int code = MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided);
  require(code == MPI_SUCCESS, "MPI_Init_thread failed");
  require(provided >= MPI_THREAD_SERIALIZED, "this MPI library offers no MPI_THREAD_SERIALIZED");
}

void MpiEnvironment::finish() {
  MPI_Finalize();
}

void MpiEnvironment::abort(int status) {
  MPI_Abort(MPI_COMM_WORLD, status);
  std::_Exit(status);
}

}  // namespace sibp
