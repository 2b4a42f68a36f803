#include "update/polar_factor.hpp"

#include <algorithm>
#include <cmath>

namespace sibp {
namespace {

constexpr Real a = Real(3.4445);
constexpr Real b = Real(-4.7750);
constexpr Real c = Real(2.0315);

}  // namespace

PolarFactor::PolarFactor(Device& device, Index shorter, Index elements)
    : device_(device), squares_(device), powers_(device), next_(device) {
  squares_.of(shorter, shorter);
  powers_.of(shorter, shorter);
  next_.of(elements, 1);
}

void PolarFactor::replace(MatrixView x) {
  const double size = std::sqrt(device_.sum_of_squares(x));
  if (!(size > 0)) return;
  device_.scale(static_cast<Real>(1 / size), x);
  const bool is_wide = x.rows <= x.cols;
  const Index n = std::min(x.rows, x.cols);
  const MatrixView squares = squares_.of(n, n);
  const MatrixView powers = powers_.of(n, n);
  const MatrixView next = next_.of(x.rows, x.cols);
  for (int k = 0; k < steps; ++k) {
    device_.gemm(is_wide ? Op::none : Op::transpose, is_wide ? Op::transpose : Op::none, 1, x, x, 0, squares);
    device_.copy(squares, powers);
    device_.gemm(Op::none, Op::none, c, squares, squares, b, powers);
    device_.copy(x, next);
    device_.gemm(Op::none, Op::none, 1, is_wide ? powers : x, is_wide ? x : powers, a, next);
    device_.copy(next, x);
  }
}

double PolarFactor::elements(double shorter, double of_matrix) {
  return 2 * shorter * shorter + of_matrix;
}

void PolarFactor::add_cost(Tally& tally, double rows, double cols) {
  const double shorter = std::min(rows, cols);
  const double longer = std::max(rows, cols);
  for (int k = 0; k < steps; ++k) {
    tally.gemm(shorter, shorter, longer);
    tally.gemm(shorter, shorter, shorter);
    tally.gemm(shorter, longer, shorter);
  }
}

}  // namespace sibp
