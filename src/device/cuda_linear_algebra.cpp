// What cuBLAS and cuSOLVER do for the GPU device.
#include "sibp/core/error.hpp"

#include "device/cuda_device.hpp"

namespace sibp::cuda {
namespace {

// cuBLAS has one name per precision; these give both the same one.
constexpr auto gemm_of(float) {
  return cublasSgemm;
}
constexpr auto gemm_of(double) {
  return cublasDgemm;
}
constexpr auto syrk_of(float) {
  return cublasSsyrk;
}
constexpr auto syrk_of(double) {
  return cublasDsyrk;
}
constexpr auto trsm_of(float) {
  return cublasStrsm;
}
constexpr auto trsm_of(double) {
  return cublasDtrsm;
}
constexpr auto geam_of(float) {
  return cublasSgeam;
}
constexpr auto geam_of(double) {
  return cublasDgeam;
}

constexpr cudaDataType real_type = sizeof(Real) == sizeof(float) ? CUDA_R_32F : CUDA_R_64F;

cublasOperation_t blas_op(Op op) {
  return op == Op::none ? CUBLAS_OP_N : CUBLAS_OP_T;
}

}  // namespace

void CudaDevice::set_products(bool products) {
  const bool rounded = products && precision_ == Precision::tf32;
  check(cublasSetMathMode(blas_.get(), rounded ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH),
        "cublasSetMathMode");
}

void CudaDevice::do_gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) {
  set_products(true);
  check(gemm_of(Real())(blas_.get(), blas_op(op_a), blas_op(op_b), checked_int(c.rows), checked_int(c.cols),
                        checked_int(op_a == Op::none ? a.cols : a.rows), &alpha, a.data, checked_int(a.stride), b.data,
                        checked_int(b.stride), &beta, c.data, checked_int(c.stride)),
        "cublasSgemm");
}

void CudaDevice::do_syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) {
  const Index inner = op == Op::none ? a.cols : a.rows;
  if (inner == 0) {
    for_each_element(stream(), c.rows, c.cols, work::ScaleTriangle{beta, c});
    return;
  }
  set_products(true);
  check(syrk_of(Real())(blas_.get(), CUBLAS_FILL_MODE_LOWER, blas_op(op), checked_int(c.rows), checked_int(inner),
                        &alpha, a.data, checked_int(a.stride), &beta, c.data, checked_int(c.stride)),
        "cublasSsyrk");
}

void CudaDevice::do_add_transposed(Real alpha, ConstMatrixView x, MatrixView y) {
  const Real one = 1;
  // y ← alpha xᵀ + 1 y: the sum may take the place of the second matrix if that is not transposed
  check(geam_of(Real())(blas_.get(), CUBLAS_OP_T, CUBLAS_OP_N, checked_int(y.rows), checked_int(y.cols), &alpha, x.data,
                        checked_int(x.stride), &one, y.data, checked_int(y.stride), y.data, checked_int(y.stride)),
        "cublasSgeam");
}

void CudaDevice::start_cholesky(MatrixView a) {
  std::size_t bytes = 0;
  std::size_t host_bytes = 0;
  check(cusolverDnXpotrf_bufferSize(solver_.get(), solver_parameters_.get(), CUBLAS_FILL_MODE_LOWER, a.rows, real_type,
                                    a.data, a.stride, real_type, &bytes, &host_bytes),
        "cusolverDnXpotrf_bufferSize");
  if (solver_host_space_.size() < host_bytes) solver_host_space_.resize(host_bytes);
  check(cusolverDnXpotrf(solver_.get(), solver_parameters_.get(), CUBLAS_FILL_MODE_LOWER, a.rows, real_type, a.data,
                         a.stride, real_type, solver_space_.reserve(bytes), bytes, solver_host_space_.data(),
                         host_bytes, info_.data()),
        "cusolverDnXpotrf");
  run_block(stream(), work::FindFailedMinor{a, info_.data(), &results_.data()->factor.failed_minor});
}

Index CudaDevice::do_cholesky(MatrixView a) {
  start_cholesky(a);
  wait();
  const Index failed = results_.data()->factor.failed_minor;
  require(failed >= 0, "cusolverDnXpotrf: a wrong argument");
  return failed;
}

double CudaDevice::do_damp(MatrixView a, double absolute, double per_trace) {
  run_block(stream(), work::Damp{a, absolute, per_trace, &results_.data()->factor.lambda});
  if (per_trace == 0) return absolute;  // known without waiting
  wait();
  return results_.data()->factor.lambda;
}

DampedFactor CudaDevice::do_damped_cholesky(MatrixView a, double absolute, double per_trace) {
  run_block(stream(), work::Damp{a, absolute, per_trace, &results_.data()->factor.lambda});
  const Index failed = do_cholesky(a);
  return {results_.data()->factor.lambda, failed};
}

void CudaDevice::triangular_solve(cublasSideMode_t side, cublasOperation_t op, ConstMatrixView factor, MatrixView x) {
  const Real one = 1;
  check(trsm_of(Real())(blas_.get(), side, CUBLAS_FILL_MODE_LOWER, op, CUBLAS_DIAG_NON_UNIT, checked_int(x.rows),
                        checked_int(x.cols), &one, factor.data, checked_int(factor.stride), x.data,
                        checked_int(x.stride)),
        "cublasStrsm");
}

void CudaDevice::do_solve_right(ConstMatrixView factor, MatrixView x) {
  set_products(false);
  triangular_solve(CUBLAS_SIDE_RIGHT, CUBLAS_OP_T, factor, x);  // x ← x L⁻ᵀ
  triangular_solve(CUBLAS_SIDE_RIGHT, CUBLAS_OP_N, factor, x);  // x ← x L⁻¹
}

void CudaDevice::do_solve_triangle(Op op, ConstMatrixView factor, MatrixView x) {
  set_products(false);
  triangular_solve(CUBLAS_SIDE_LEFT, op == Op::none ? CUBLAS_OP_N : CUBLAS_OP_T, factor, x);
}

}  // namespace sibp::cuda
