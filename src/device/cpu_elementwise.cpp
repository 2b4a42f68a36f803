#include "device/cpu_elementwise.hpp"

#include "device/eigen_maps.hpp"

// Column by column, so that what the first expression has loaded is still in the cache for the next.

namespace sibp::cpu {
namespace {

using Doubles = Eigen::Map<Eigen::ArrayXd>;

/// The numbers in the matrices' type.
Eigen::Array<Real, Eigen::Dynamic, 1> as_real(std::span<const double> values) {
  return Eigen::Map<const Eigen::ArrayXd>(values.data(), static_cast<Index>(values.size())).cast<Real>();
}

/// x ← σ(x) for an array of either precision.
template <class Array>
void activate_array(Activation activation, Array& x) {
  using Scalar = typename Array::Scalar;
  switch (activation) {
    case Activation::identity:
      break;
    case Activation::relu:
      x = x.max(Scalar(0));
      break;
    case Activation::leaky_relu:
      x = x.max(Scalar(leaky_relu_slope) * x);
      break;
    case Activation::tanh:
      x = x.tanh();
      break;
    case Activation::sigmoid:
      x = Scalar(1) / (Scalar(1) + (-x).exp());
      break;
  }
}

}  // namespace

void activate(Activation activation, MatrixView f) {
  auto x = eigen(f).array();
  activate_array(activation, x);
}

double inner_product(ConstMatrixView a, ConstMatrixView b) {
  double sum = 0;
  for (Index c = 0; c < a.cols; ++c) {
    sum += (eigen(a).col(c).array().cast<double>() * eigen(b).col(c).array().cast<double>()).sum();
  }
  return sum;
}

void residual_sums(Activation activation, ConstMatrixView g, ConstMatrixView h, ConstMatrixView t,
                   std::span<const double> steps, std::span<double> sums) {
  Eigen::ArrayXd moved(g.rows);
  for (Index c = 0; c < g.cols; ++c) {
    const Eigen::ArrayXd start = eigen(g).col(c).array().cast<double>();
    const Eigen::ArrayXd direction = eigen(h).col(c).array().cast<double>();
    const Eigen::ArrayXd target = eigen(t).col(c).array().cast<double>();
    for (std::size_t k = 0; k < steps.size(); ++k) {
      moved = start + steps[k] * direction;
      activate_array(activation, moved);
      sums[k] += (moved - target).square().sum();
    }
  }
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
