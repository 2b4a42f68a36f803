#include "sibp/core/error.hpp"

#include "device/level3.hpp"

#include <algorithm>

// By the names of the library that CMake has found (cmake/FindCBLAS.cmake).
#include CBLAS_HEADER
#include LAPACKE_HEADER

namespace sibp::level3 {
namespace {

// BLAS has one name per precision; these give both the same one.
[[maybe_unused]] constexpr auto gemm_of(float) {
  return cblas_sgemm;
}
[[maybe_unused]] constexpr auto gemm_of(double) {
  return cblas_dgemm;
}
[[maybe_unused]] constexpr auto syrk_of(float) {
  return cblas_ssyrk;
}
[[maybe_unused]] constexpr auto syrk_of(double) {
  return cblas_dsyrk;
}
[[maybe_unused]] constexpr auto trsm_of(float) {
  return cblas_strsm;
}
[[maybe_unused]] constexpr auto trsm_of(double) {
  return cblas_dtrsm;
}
// The functions without …_work look for NaN first.
[[maybe_unused]] constexpr auto potrf_of(float) {
  return LAPACKE_spotrf_work;
}
[[maybe_unused]] constexpr auto potrf_of(double) {
  return LAPACKE_dpotrf_work;
}

CBLAS_TRANSPOSE blas_op(Op op) {
  return op == Op::none ? CblasNoTrans : CblasTrans;
}

/// x ← x op(L)⁻¹ or op(L)⁻¹ x.
void triangular_solve(CBLAS_SIDE side, CBLAS_TRANSPOSE op, ConstMatrixView factor, MatrixView x) {
  trsm_of(Real())(CblasColMajor, side, CblasLower, op, CblasNonUnit, checked_int(x.rows), checked_int(x.cols), Real(1),
                  factor.data, checked_int(factor.stride), x.data, checked_int(x.stride));
}

}  // namespace

void product(Op op_a, Op op_b, const ProductShape& shape, const double* a, const double* b, double* c) {
  const auto [m, n, k] = shape;
  cblas_dgemm(CblasColMajor, blas_op(op_a), blas_op(op_b), checked_int(m), checked_int(n), checked_int(k), 1, a,
              checked_int(op_a == Op::none ? m : k), b, checked_int(op_b == Op::none ? k : n), 0, c, checked_int(m));
}

void triangle(Op op, Index n, Index k, const double* a, double* c) {
  cblas_dsyrk(CblasColMajor, CblasLower, blas_op(op), checked_int(n), checked_int(k), 1, a,
              checked_int(op == Op::none ? n : k), 0, c, checked_int(n));
}

void gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) {
  gemm_of(Real())(CblasColMajor, blas_op(op_a), blas_op(op_b), checked_int(c.rows), checked_int(c.cols),
                  checked_int(op_a == Op::none ? a.cols : a.rows), alpha, a.data, checked_int(a.stride), b.data,
                  checked_int(b.stride), beta, c.data, checked_int(c.stride));
}

void syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) {
  syrk_of(Real())(CblasColMajor, CblasLower, blas_op(op), checked_int(c.rows),
                  checked_int(op == Op::none ? a.cols : a.rows), alpha, a.data,
                  checked_int(std::max<Index>(a.stride, 1)), beta, c.data, checked_int(c.stride));
}

Index cholesky(MatrixView a) {
  const int info = potrf_of(Real())(LAPACK_COL_MAJOR, 'L', checked_int(a.rows), a.data, checked_int(a.stride));
  require(info >= 0, "potrf: a wrong argument");
  return info;
}

void divide_by_transpose(ConstMatrixView factor, MatrixView x) {
  triangular_solve(CblasRight, CblasTrans, factor, x);
}

void solve_right(ConstMatrixView factor, MatrixView x) {
  triangular_solve(CblasRight, CblasTrans, factor, x);    // x ← x L⁻ᵀ
  triangular_solve(CblasRight, CblasNoTrans, factor, x);  // x ← x L⁻¹
}

void solve_left(ConstMatrixView factor, MatrixView x) {
  solve_triangle(Op::none, factor, x);       // x ← L⁻¹ x
  solve_triangle(Op::transpose, factor, x);  // x ← L⁻ᵀ x
}

void solve_triangle(Op op, ConstMatrixView factor, MatrixView x) {
  triangular_solve(CblasLeft, blas_op(op), factor, x);
}

}  // namespace sibp::level3
