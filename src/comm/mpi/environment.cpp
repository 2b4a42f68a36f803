#include "sibp/comm/environment.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/process.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <mpi.h>

namespace sibp {
namespace {

bool is_running = false;  ///< MPI has started, and nobody has ended it

/// A process that ends by exit(0), in a library perhaps, while MPI runs: its peers would wait for it, and a launcher
/// take it for done.
void refuse_early_exit(int status, void*) {
  if (status != 0 || !is_running) return;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::fprintf(stderr, "sibp_dist: error: [rank %d on %s] ended in %s, before the other ranks\n", rank,
               host_name().c_str(), text_of(last_beat()).c_str());
  std::fflush(stderr);
  std::_Exit(static_cast<int>(ExitStatus::stalled));
}

}  // namespace

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  if (MPI_Get_library_version(text.data(), &length) != MPI_SUCCESS) return "unknown";
  const std::string_view whole(text.data(), static_cast<std::size_t>(length));
  return std::string(whole.substr(0, whole.find_first_of(",\n")));  // the first part of what may be many lines
}

MpiEnvironment::MpiEnvironment(int& argc, char**& argv) {
  int is_started = 0;
  MPI_Initialized(&is_started);
  is_ours_ = is_started == 0;
  int provided = 0;
  const int code =
      is_ours_ ? MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided) : MPI_Query_thread(&provided);
  require(code == MPI_SUCCESS, "MPI_Init_thread failed");
  require(provided >= MPI_THREAD_SERIALIZED, "this MPI library offers no MPI_THREAD_SERIALIZED");
  if (!is_ours_) return;
  is_running = true;
  ::on_exit(refuse_early_exit, nullptr);
}

void MpiEnvironment::finish() {
  if (!is_ours_) return;
  is_running = false;
  MPI_Finalize();
}

void MpiEnvironment::abort(int status) {
  MPI_Abort(MPI_COMM_WORLD, status);
  std::_Exit(status);
}

}  // namespace sibp
