#pragma once

namespace sibp {

/// Throws Error (runtime) with MPI's message unless `code` is MPI_SUCCESS; `call` names the function that returned it.
void check(int code, const char* call);

}  // namespace sibp
