#include "comm/mpi/check.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <mpi.h>

namespace sibp {
namespace {

/// Whether a peer, or what joins the ranks, failed, rather than the call being wrong by itself. A message that is too
/// long comes from a rank that is elsewhere.
bool is_lost_peer(int code) {
  int error_class = MPI_ERR_UNKNOWN;
  MPI_Error_class(code, &error_class);
  constexpr std::array classes{MPI_ERR_OTHER,     MPI_ERR_INTERN,  MPI_ERR_UNKNOWN,
                               MPI_ERR_IN_STATUS, MPI_ERR_PENDING, MPI_ERR_TRUNCATE};
  return std::find(classes.begin(), classes.end(), error_class) != classes.end();
}

}  // namespace

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(is_lost_peer(code) ? ExitStatus::stalled : ExitStatus::runtime,
              std::string(call) + " failed: " + std::string(text, static_cast<std::size_t>(length)));
}

}  // namespace sibp
