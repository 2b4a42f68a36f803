#pragma once

namespace sibp {

/// Throws Error with MPI's message unless `code` is MPI_SUCCESS; `call` names the function that returned it. The status
/// is runtime for calls that MPI calls wrong, and stalled otherwise: a peer or a link was lost.
void check(int code, const char* call);

}  // namespace sibp
