#include "sibp/comm/environment.hpp"

#include "sibp/core/error.hpp"

#include <array>
#include <cstdlib>
#include <string_view>

#include <mpi.h>

namespace sibp {

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  if (MPI_Get_library_version(text.data(), &length) != MPI_SUCCESS) return "unknown";
  const std::string_view whole(text.data(), static_cast<std::size_t>(length));
  return std::string(whole.substr(0, whole.find_first_of(",\n")));  // the first part of what may be many lines
}

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
