#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/device.hpp"

#include <optional>
#include <string>

/// The operations of Device whose cost grows with the cube of the size, by the library chosen at configure time
/// (level3_blas.cpp or level3_eigen.cpp). Arguments are checked by Device; none is empty.
namespace sibp::level3 {

/// The library, for people.
std::string name();

/// What would make it faster on this processor, if anything.
std::optional<std::string> advice();

/// Threads of every later call of this process; 0 leaves the library's choice.
void set_threads(int threads);

/// c ← a b in double whatever Real is; a is m × k, b k × n and c m × n, column-major without gaps.
void product(Index m, Index n, Index k, const double* a, const double* b, double* c);
void gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c);
void syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c);
Index cholesky(MatrixView a);
/// x ← x L⁻ᵀ with L the lower triangle of `factor`.
void divide_by_transpose(ConstMatrixView factor, MatrixView x);
void solve_right(ConstMatrixView factor, MatrixView x);
void solve_left(ConstMatrixView factor, MatrixView x);

}  // namespace sibp::level3
