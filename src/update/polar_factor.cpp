#include "update/polar_factor.hpp"

#include <algorithm>
#include <cmath>

namespace sibp {
namespace {

constexpr Real a = Real(3.4445);
constexpr Real b = Real(-4.7750);
constexpr Real c = Real(2.0315);

/// The first elements of a matrix as one of this size.
MatrixView shaped(Matrix& matrix, Index rows, Index cols) {
  return {matrix.view().data, rows, cols, rows};
}

}  // namespace

PolarFactor::PolarFactor(Device& device, Index rows, Index cols)
    : device_(device),
      squares_(device.allocate(std::min(rows, cols), std::min(rows, cols))),
      powers_(device.allocate(std::min(rows, cols), std::min(rows, cols))),
      next_(device.allocate(rows, cols)) {
}

void PolarFactor::replace(MatrixView x) {
  const double size = std::sqrt(device_.sum_of_squares(x));
  if (!(size > 0)) return;
  device_.scale(static_cast<Real>(1 / size), x);
  const bool is_wide = x.rows <= x.cols;
  const Index n = std::min(x.rows, x.cols);
  const MatrixView squares = shaped(squares_, n, n);
  const MatrixView powers = shaped(powers_, n, n);
  const MatrixView next = shaped(next_, x.rows, x.cols);
  for (int k = 0; k < steps; ++k) {
    device_.gemm(is_wide ? Op::none : Op::transpose, is_wide ? Op::transpose : Op::none, 1, x, x, 0, squares);
    device_.copy(squares, powers);
    device_.gemm(Op::none, Op::none, c, squares, squares, b, powers);
    device_.copy(x, next);
    device_.gemm(Op::none, Op::none, 1, is_wide ? powers : x, is_wide ? x : powers, a, next);
    device_.copy(next, x);
  }
}

}  // namespace sibp
