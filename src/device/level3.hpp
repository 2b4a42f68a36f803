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

/// The shape of a product of matrices that are column-major without gaps.
struct ProductShape {
  Index m, n, k;
};

/// c ← op_a(a) op_b(b) in double whatever Real is; op_a(a) is m × k, op_b(b) k × n and c m × n.
void product(Op op_a, Op op_b, const ProductShape& shape, const double* a, const double* b, double* c);
/// Lower triangle of c ← op(a) op(a)ᵀ in double; op(a) is n × k and c n × n, column-major without gaps.
void triangle(Op op, Index n, Index k, const double* a, double* c);
void gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c);
void syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c);
Index cholesky(MatrixView a);
/// x ← x L⁻ᵀ with L the lower triangle of `factor`.
void divide_by_transpose(ConstMatrixView factor, MatrixView x);
void solve_right(ConstMatrixView factor, MatrixView x);
void solve_left(ConstMatrixView factor, MatrixView x);
void solve_triangle(Op op, ConstMatrixView factor, MatrixView x);

}  // namespace sibp::level3
