#pragma once

#include "device/level3.hpp"

#include <functional>

/// The operations of level3.hpp cut into panels of a few milliseconds each, with a call of `progress` after every one:
/// whatever is under way elsewhere, such as a reduction over ranks, can be moved on between them.
namespace sibp::level3_panels {

using Progress = std::function<void()>;

void gemm(const Progress& progress, Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta,
          MatrixView c);
void syrk(const Progress& progress, Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c);
Index cholesky(const Progress& progress, MatrixView a);
void solve_right(const Progress& progress, ConstMatrixView factor, MatrixView x);
void solve_left(const Progress& progress, ConstMatrixView factor, MatrixView x);
void solve_triangle(const Progress& progress, Op op, ConstMatrixView factor, MatrixView x);

}  // namespace sibp::level3_panels
