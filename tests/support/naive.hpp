#pragma once

// Plain loops in double, written straight from the formulas, to hold the library against. Slow and obvious on purpose.

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/device.hpp"

#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

namespace sibp::naive {

/// A rows × cols matrix on the host, column-major, in double whatever Real is.
struct Dense {
  Index rows = 0;
  Index cols = 0;
  std::vector<double> values;

  Dense() = default;
  Dense(Index n_rows, Index n_cols, double value = 0)
      : rows(n_rows), cols(n_cols), values(static_cast<std::size_t>(n_rows * n_cols), value) {}

  double& operator()(Index r, Index c) { return values[static_cast<std::size_t>(r + c * rows)]; }
  double operator()(Index r, Index c) const { return values[static_cast<std::size_t>(r + c * rows)]; }
};

inline Dense random(Index rows, Index cols, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  Dense a(rows, cols);
  // Rounded to float, so that float and double builds start from the same numbers.
  for (double& value : a.values) value = static_cast<float>(normal(generator));
  return a;
}

inline Dense transpose(const Dense& a) {
  Dense t(a.cols, a.rows);
  for (Index c = 0; c < a.cols; ++c)
    for (Index r = 0; r < a.rows; ++r) t(c, r) = a(r, c);
  return t;
}

inline Dense product(const Dense& a, const Dense& b) {
  Dense c(a.rows, b.cols);
  for (Index j = 0; j < b.cols; ++j)
    for (Index k = 0; k < a.cols; ++k)
      for (Index i = 0; i < a.rows; ++i) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// x with a x = b, by Gaussian elimination with partial pivoting. a is n × n, b is n × m.
inline Dense solve(Dense a, Dense b) {
  for (Index k = 0; k < a.rows; ++k) {
    Index pivot = k;
    for (Index r = k + 1; r < a.rows; ++r)
      if (std::abs(a(r, k)) > std::abs(a(pivot, k))) pivot = r;
    for (Index c = 0; c < a.cols; ++c) std::swap(a(k, c), a(pivot, c));
    for (Index c = 0; c < b.cols; ++c) std::swap(b(k, c), b(pivot, c));
    for (Index r = k + 1; r < a.rows; ++r) {
      const double factor = a(r, k) / a(k, k);
      for (Index c = k; c < a.cols; ++c) a(r, c) -= factor * a(k, c);
      for (Index c = 0; c < b.cols; ++c) b(r, c) -= factor * b(k, c);
    }
  }
  for (Index k = a.rows - 1; k >= 0; --k)
    for (Index c = 0; c < b.cols; ++c) {
      for (Index j = k + 1; j < a.rows; ++j) b(k, c) -= a(k, j) * b(j, c);
      b(k, c) /= a(k, k);
    }
  return b;
}

inline double activate(Activation activation, double g) {
  switch (activation) {
    case Activation::identity:
      return g;
    case Activation::relu:
      return g > 0 ? g : 0;
    case Activation::leaky_relu:
      return g > 0 ? g : leaky_relu_slope * g;
    case Activation::tanh:
      return std::tanh(g);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-g));
    case Activation::gelu:
      return g * std::erfc(-g / std::sqrt(2.0)) / 2;
  }
  return 0;
}

/// σ'(g), from g itself.
inline double derivative(Activation activation, double g) {
  switch (activation) {
    case Activation::identity:
      return 1;
    case Activation::relu:
      return g > 0 ? 1 : 0;
    case Activation::leaky_relu:
      return g > 0 ? 1 : leaky_relu_slope;
    case Activation::tanh:
      return 1 - std::tanh(g) * std::tanh(g);
    case Activation::sigmoid:
      return std::exp(-g) / ((1 + std::exp(-g)) * (1 + std::exp(-g)));
    case Activation::gelu:
      return std::erfc(-g / std::sqrt(2.0)) / 2 + g * std::exp(-g * g / 2) / std::sqrt(2 * std::acos(-1.0));
  }
  return 0;
}

inline Matrix upload(Device& device, const Dense& a) {
  Matrix m = device.allocate(a.rows, a.cols);
  const std::vector<Real> values(a.values.begin(), a.values.end());
  device.upload(values, m.view());
  return m;
}

inline Dense download(Device& device, ConstMatrixView a) {
  std::vector<Real> values(static_cast<std::size_t>(a.size()));
  device.download(a, values);
  Dense dense(a.rows, a.cols);
  dense.values.assign(values.begin(), values.end());
  return dense;
}

/// ‖a − b‖ / max(‖b‖, 1e-300), Frobenius.
inline double relative_difference(const Dense& a, const Dense& b) {
  double difference = 0;
  double size = 1e-300;
  if (a.rows != b.rows || a.cols != b.cols) return 1e300;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    difference += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
    size += b.values[i] * b.values[i];
  }
  return std::sqrt(difference / size);
}

}  // namespace sibp::naive
