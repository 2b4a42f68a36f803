#include "sibp/device/linear_algebra.hpp"

#include "sibp/core/error.hpp"

#include "device/element_operation.hpp"
#include "device/element_work.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sibp {
namespace {

void require_same_shape(ConstMatrixView a, ConstMatrixView b) {
  require(a.rows == b.rows && a.cols == b.cols, "matrices that must have one shape differ in theirs");
}

void require_square(ConstMatrixView a) {
  require(a.rows == a.cols, "a matrix that must be square is not");
}

void require_triangle(ConstMatrixView a, ConstMatrixView packed) {
  require_square(a);
  require(packed.size() == a.rows * (a.rows + 1) / 2 && packed.contiguous(),
          "a packed triangle does not fit its matrix");
}

Index rows_of(Op op, ConstMatrixView a) {
  return op == Op::none ? a.rows : a.cols;
}
Index cols_of(Op op, ConstMatrixView a) {
  return op == Op::none ? a.cols : a.rows;
}

}  // namespace

Matrix LinearAlgebra::allocate(Index rows, Index cols) {
  require(rows >= 0 && cols >= 0, "a matrix cannot have a negative size");
  Real* data = do_allocate(rows * cols);
  if (data == nullptr && rows * cols > 0) {
    throw Error(
        ExitStatus::runtime,
        fmt::format("no room for a {} × {} matrix ({:.1f} MiB) on {}; use a smaller `batch`, a smaller network or more "
                    "ranks",
                    rows, cols, static_cast<double>(rows * cols) * sizeof(Real) / 1048576.0, description()));
  }
  return {data, rows, cols, [this](Real* released) { do_release(released); }};
}

std::shared_ptr<std::int32_t[]> LinearAlgebra::allocate_labels(Index size) {
  return do_allocate_labels(size);
}

void LinearAlgebra::upload(std::span<const Real> from, MatrixView to) {
  require(static_cast<Index>(from.size()) == to.size(), "upload: sizes differ");
  if (!to.empty()) do_upload(from.data(), to);
}

void LinearAlgebra::download(ConstMatrixView from, std::span<Real> to) {
  require(static_cast<Index>(to.size()) == from.size(), "download: sizes differ");
  if (!from.empty()) do_download(from, to.data());
}

void LinearAlgebra::upload_labels(std::span<const std::int32_t> from, LabelView to) {
  require(static_cast<Index>(from.size()) == to.size, "upload_labels: sizes differ");
  if (to.size > 0) do_upload_labels(from, to.data);
}

void LinearAlgebra::download_labels(ConstLabelView from, std::span<std::int32_t> to) {
  require(static_cast<Index>(to.size()) == from.size, "download_labels: sizes differ");
  if (from.size > 0) do_download_labels(from.data, to);
}

void LinearAlgebra::copy(ConstMatrixView from, MatrixView to) {
  require_same_shape(from, to);
  if (!to.empty()) do_copy(from, to);
}

void LinearAlgebra::fill(MatrixView a, Real value) {
  if (!a.empty()) do_fill(a, value);
}

void LinearAlgebra::scale(Real alpha, MatrixView a) {
  if (!a.empty()) do_scale(alpha, a);
}

void LinearAlgebra::axpy(Real alpha, ConstMatrixView x, MatrixView y) {
  require_same_shape(x, y);
  if (!y.empty()) do_axpy(alpha, x, y);
}

void LinearAlgebra::add_transposed(Real alpha, ConstMatrixView x, MatrixView y) {
  require(x.rows == y.cols && x.cols == y.rows, "add_transposed: shapes do not fit");
  if (!y.empty()) do_add_transposed(alpha, x, y);
}

double LinearAlgebra::sum_of_squares(ConstMatrixView a) {
  return a.empty() ? 0.0 : do_sum_of_squares(a);
}

double LinearAlgebra::inner_product(ConstMatrixView a, ConstMatrixView b) {
  require_same_shape(a, b);
  return a.empty() ? 0.0 : do_inner_product(a, b);
}

void LinearAlgebra::gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) {
  require(rows_of(op_a, a) == c.rows && cols_of(op_b, b) == c.cols && cols_of(op_a, a) == rows_of(op_b, b),
          "gemm: shapes do not fit");
  if (c.empty()) return;
  if (cols_of(op_a, a) == 0) {
    beta == Real(0) ? do_fill(c, 0) : do_scale(beta, c);
    return;
  }
  do_gemm(op_a, op_b, alpha, a, b, beta, c);
}

void LinearAlgebra::syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) {
  require_square(c);
  require(rows_of(op, a) == c.rows, "syrk: shapes do not fit");
  if (!c.empty()) do_syrk(op, alpha, a, beta, c);  // a may be without columns: a rank without samples
}

void LinearAlgebra::pack_triangle(ConstMatrixView a, MatrixView packed) {
  require_triangle(a, packed);
  if (!a.empty()) do_pack_triangle(a, packed.data);
}

void LinearAlgebra::unpack_triangle(ConstMatrixView packed, MatrixView a) {
  require_triangle(a, packed);
  if (!a.empty()) do_unpack_triangle(packed.data, a);
}

double LinearAlgebra::damp(MatrixView a, double absolute, double per_trace) {
  require_square(a);
  return a.empty() ? absolute : do_damp(a, absolute, per_trace);
}

Index LinearAlgebra::cholesky(MatrixView a) {
  require_square(a);
  return a.empty() ? 0 : do_cholesky(a);
}

DampedFactor LinearAlgebra::damped_cholesky(MatrixView a, double absolute, double per_trace) {
  require_square(a);
  return a.empty() ? DampedFactor{absolute, 0} : do_damped_cholesky(a, absolute, per_trace);
}

DampedFactor LinearAlgebra::do_damped_cholesky(MatrixView a, double absolute, double per_trace) {
  const double lambda = do_damp(a, absolute, per_trace);
  return {lambda, do_cholesky(a)};
}

void LinearAlgebra::solve_right(ConstMatrixView factor, MatrixView x) {
  require(has_solve_right(), "solve_right: the device has none");
  require_square(factor);
  require(x.cols == factor.rows, "solve_right: shapes do not fit");
  if (!x.empty()) do_solve_right(factor, x);
}

void LinearAlgebra::solve_left(ConstMatrixView factor, MatrixView x) {
  require_square(factor);
  require(x.rows == factor.rows, "solve_left: shapes do not fit");
  if (!x.empty()) do_solve_left(factor, x);
}

void LinearAlgebra::do_solve_left(ConstMatrixView factor, MatrixView x) {
  do_solve_triangle(Op::none, factor, x);
  do_solve_triangle(Op::transpose, factor, x);
}

void LinearAlgebra::solve_triangle(Op op, ConstMatrixView factor, MatrixView x) {
  require_square(factor);
  require(x.rows == factor.rows, "solve_triangle: shapes do not fit");
  if (!x.empty()) do_solve_triangle(op, factor, x);
}

void LinearAlgebra::row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products) {
  require_same_shape(a, b);
  require(static_cast<Index>(products.size()) == a.rows, "row_inner_products: one number per row is needed");
  std::fill(products.begin(), products.end(), 0.0);
  if (!a.empty()) do_row_inner_products(a, b, products);
}

void LinearAlgebra::combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta,
                                 MatrixView y) {
  require_same_shape(x, y);
  require(static_cast<Index>(alpha.size()) == y.rows && alpha.size() == beta.size(),
          "combine_rows: one number per row is needed");
  if (!y.empty()) do_combine_rows(alpha, x, beta, y);
}

void LinearAlgebra::apply(const ElementOperation& operation) {
  if (!operation.empty()) do_apply(operation);
}

void LinearAlgebra::momentum_step(const MomentumStep& step, ConstMatrixView gradient, MatrixView velocity,
                                  MatrixView weights) {
  require_same_shape(gradient, weights);
  require_same_shape(velocity, weights);
  apply({weights.rows, weights.cols, work::Momentum(step, gradient, velocity, weights)});
}

void LinearAlgebra::adam_step(const AdamStep& step, ConstMatrixView gradient, MatrixView first, MatrixView second,
                              MatrixView weights) {
  require_same_shape(gradient, weights);
  require_same_shape(first, weights);
  require_same_shape(second, weights);
  apply({weights.rows, weights.cols, work::Adam(step, gradient, first, second, weights)});
}

}  // namespace sibp
