#include "device/cpu_elementwise.hpp"

#include "device/cpu_activation.hpp"
#include "device/eigen_maps.hpp"

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

}  // namespace

void activate(Activation activation, MatrixView f) {
  activate_array(activation, eigen(f).array());
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

void momentum_step(const MomentumStep& step, ConstMatrixView gradient, MatrixView velocity, MatrixView weights) {
  const auto rate = static_cast<Real>(step.rate);
  const auto momentum = static_cast<Real>(step.momentum);
  const auto decay = static_cast<Real>(step.weight_decay);
  for (Index c = 0; c < weights.cols; ++c) {
    const auto given = eigen(gradient).col(c).array();
    auto v = eigen(velocity).col(c).array();
    auto w = eigen(weights).col(c).array();
    v = momentum * v + (given + decay * w);  // v ← μ v + g,  g = ∇ + δ W
    if (step.nesterov) {
      w -= rate * (given + decay * w + momentum * v);  // W ← W − α (g + μ v)
    } else {
      w -= rate * v;  // W ← W − α v
    }
  }
}

void adam_step(const AdamStep& step, ConstMatrixView gradient, MatrixView first, MatrixView second,
               MatrixView weights) {
  const auto beta1 = static_cast<Real>(step.beta1);
  const auto beta2 = static_cast<Real>(step.beta2);
  // 1 − β is taken in double: β₂ is so near 1 that its float would leave few digits of the difference.
  const auto rest1 = static_cast<Real>(1 - step.beta1);
  const auto rest2 = static_cast<Real>(1 - step.beta2);
  const auto decay = static_cast<Real>(step.weight_decay);
  const auto epsilon = static_cast<Real>(step.epsilon);
  const auto rate = static_cast<Real>(step.rate / step.first_correction);
  const auto second_scale = static_cast<Real>(1 / step.second_correction);
  for (Index c = 0; c < weights.cols; ++c) {
    const auto given = eigen(gradient).col(c).array();
    auto m = eigen(first).col(c).array();
    auto v = eigen(second).col(c).array();
    auto w = eigen(weights).col(c).array();
    m = beta1 * m + rest1 * (given + decay * w);
    v = beta2 * v + rest2 * (given + decay * w).square();
    w -= rate * m / ((second_scale * v).sqrt() + epsilon);
  }
}

}  // namespace sibp::cpu
