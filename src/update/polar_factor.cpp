#include "update/polar_factor.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sibp {
namespace {

constexpr Real a = Real(3.4445);
constexpr Real b = Real(-4.7750);
constexpr Real c = Real(2.0315);

}  // namespace

PolarFactor::PolarFactor(Device& device, Index shorter, Index elements)
    : device_(device), squares_(device), powers_(device), product_(device), spare_(device), next_(device) {
  for (Scratch* scratch : {&squares_, &powers_, &product_, &spare_}) scratch->of(shorter, shorter);
  next_.of(elements, 1);
}

void PolarFactor::replace(MatrixView x) {
  const double size = std::sqrt(device_.sum_of_squares(x));
  if (!(size > 0)) return;
  device_.scale(static_cast<Real>(1 / size), x);
  const bool is_wide = x.rows <= x.cols;
  const Index n = std::min(x.rows, x.cols);
  const MatrixView s = squares_.of(n, n);
  const MatrixView r = powers_.of(n, n);
  MatrixView m = product_.of(n, n);
  MatrixView spare = spare_.of(n, n);
  device_.gemm(is_wide ? Op::none : Op::transpose, is_wide ? Op::transpose : Op::none, 1, x, x, 0, s);
  Real alpha = 1;  // the steps so far multiply X by alpha I + M
  device_.fill(m, 0);
  for (int k = 0; k < steps; ++k) {
    device_.copy(s, r);
    device_.gemm(Op::none, Op::none, c, s, s, b, r);  // R = b S + c S²
    add_step(m, r, spare);
    device_.axpy(alpha, r, spare);  // (alpha I + M)(a I + R) = a alpha I + (a M + M R + alpha R)
    std::swap(m, spare);
    alpha *= a;
    if (k + 1 == steps) break;
    add_step(s, r, spare);  // S ← (a I + R) S (a I + R)
    add_step(spare, r, s);
  }
  const MatrixView next = next_.of(x.rows, x.cols);
  device_.copy(x, next);
  device_.gemm(Op::none, Op::none, 1, is_wide ? m : x, is_wide ? x : m, alpha, next);
  device_.copy(next, x);
}

void PolarFactor::add_step(ConstMatrixView y, ConstMatrixView r, MatrixView out) {
  device_.copy(y, out);
  device_.gemm(Op::none, Op::none, 1, y, r, a, out);
}

double PolarFactor::elements(double shorter, double of_matrix) {
  return 4 * shorter * shorter + of_matrix;
}

void PolarFactor::add_cost(Tally& tally, double rows, double cols) {
  const double shorter = std::min(rows, cols);
  const double longer = std::max(rows, cols);
  tally.gemm(shorter, shorter, longer);
  for (int k = 0; k < 4 * steps - 2; ++k) tally.gemm(shorter, shorter, shorter);
  tally.gemm(shorter, longer, shorter);
}

}  // namespace sibp
