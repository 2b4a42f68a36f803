#pragma once

namespace sibp {

/// Sees that OpenBLAS can have the buffers that it takes at its first product: without room for them it tries again for
/// ever. Local. Throws Error (runtime) naming the bytes and what may limit them. Does nothing for other libraries.
void check_blas_memory(int threads);

}  // namespace sibp
