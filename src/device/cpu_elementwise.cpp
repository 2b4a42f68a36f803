#include "device/cpu_elementwise.hpp"

#include "device/channel_work.hpp"
#include "device/cpu_activation.hpp"
#include "device/cpu_loops.hpp"
#include "device/eigen_maps.hpp"
#include "device/element_work.hpp"

#include <array>
#include <numeric>

// Column by column, so that what the first expression has loaded is still in the cache for the next.

namespace sibp::cpu {
namespace {

using Doubles = Eigen::Map<Eigen::ArrayXd>;

/// The numbers in the matrices' type.
Eigen::Array<Real, Eigen::Dynamic, 1> as_real(std::span<const double> values) {
  return Eigen::Map<const Eigen::ArrayXd>(values.data(), static_cast<Index>(values.size())).cast<Real>();
}

/// Σ a_k b_k in as many independent sums as keep the processor's additions busy; the compiler vectorises the inner
/// loop.
double inner_product(const Real* a, const Real* b, Index size) {
  constexpr Index lanes = 16;
  std::array<double, lanes> sums{};
  Index first = 0;
  for (; first + lanes <= size; first += lanes) {
    for (Index k = 0; k < lanes; ++k) {
      sums[static_cast<std::size_t>(k)] += static_cast<double>(a[first + k]) * static_cast<double>(b[first + k]);
    }
  }
  for (; first < size; ++first) sums[0] += static_cast<double>(a[first]) * static_cast<double>(b[first]);
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// visit(c, size) for every column, or once for the whole where no matrix has gaps.
template <class Visit, class... Matrices>
void for_pieces(ConstMatrixView shape, const Visit& visit, const Matrices&... matrices) {
  if ((matrices.contiguous() && ...)) return visit(0, shape.size());
  for (Index c = 0; c < shape.cols; ++c) visit(c, shape.rows);
}

}  // namespace

void activate(Activation activation, MatrixView f) {
  for_pieces(
      f, [&](Index c, Index size) { activate(activation, &f(0, c), &f(0, c), size); }, f);
}

void apply_derivative(Activation activation, ConstMatrixView known, ConstMatrixView d, MatrixView s) {
  for_pieces(
      s, [&](Index c, Index size) { apply_derivative(activation, &known(0, c), &d(0, c), &s(0, c), size); }, known, d,
      s);
}

double inner_product(ConstMatrixView a, ConstMatrixView b) {
  if (a.contiguous() && b.contiguous()) return inner_product(a.data, b.data, a.size());
  double sum = 0;
  for (Index c = 0; c < a.cols; ++c) sum += inner_product(&a(0, c), &b(0, c), a.rows);
  return sum;
}

void row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products) {
  Doubles sums(products.data(), a.rows);
  sums.setZero();
  for (Index c = 0; c < a.cols; ++c) {
    sums += eigen(a).col(c).array().cast<double>() * eigen(b).col(c).array().cast<double>();
  }
}

void combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta, MatrixView y) {
  const auto of_x = as_real(alpha);
  const auto of_y = as_real(beta);
  for (Index c = 0; c < y.cols; ++c) {
    auto target = eigen(y).col(c).array();
    target = of_x * eigen(x).col(c).array() + of_y * target;
  }
}

void dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y) {
  for_each_element(x.rows, x.cols, work::Dropout(rate, keys.data(), x, y));
}

}  // namespace sibp::cpu
