#pragma once

// The published procedure in plain double loops on the whole batch: every objective from the weights themselves, no
// short cuts. Shares nothing with the library but names.

#include "support/reference_step.hpp"

#include <cmath>
#include <vector>

namespace sibp::naive {

/// What became of one line search.
struct SearchRecord {
  bool is_last = false;
  bool full_step_passed = false;
  int exponent = -1;  ///< -1: none passed
};

struct ReferencePublished {
  NetworkSpec spec;
  std::vector<Dense> weights{};  ///< Ŵ_i, in and out
  double eta = 0.1;
  double lambda = 1;
  std::vector<SearchRecord> searches{};  ///< all so far

  void run(const Dense& inputs, const std::vector<std::int32_t>& labels) {
    ReferenceStep start{.spec = spec, .weights = weights, .eta = 0};  // for F̂ alone
    start.run(inputs, labels);
    const std::size_t layers = spec.maps.size();
    std::vector<Dense> outputs;  // G_i
    for (std::size_t i = 0; i < layers; ++i) outputs.push_back(product(weights[i], start.features[i]));
    Dense difference = softmax_minus_labels(outputs.back(), labels);
    for (std::size_t i = layers; i-- > 0;) {
      const Activation activation = spec.maps[i].activation;
      Dense target = outputs[i];
      Dense delta = difference;
      for (std::size_t k = 0; k < target.values.size(); ++k) {
        target.values[k] = activate(activation, outputs[i].values[k]) - eta * difference.values[k];
        delta.values[k] *= derivative(activation, outputs[i].values[k]);
      }
      const Dense features = rows_of(start.features[i], 0, start.features[i].rows - 1);
      const Dense ones = rows_of(start.features[i], start.features[i].rows - 1, 1);
      Dense w = transpose(rows_of(transpose(weights[i]), 0, features.rows));
      Dense b = transpose(rows_of(transpose(weights[i]), features.rows, 1));
      minimise(activation, i + 1 == layers, w, features, product(b, ones), target);
      minimise(activation, i + 1 == layers, b, ones, product(w, features), target);
      for (Index r = 0; r < w.rows; ++r) {
        for (Index c = 0; c < w.cols; ++c) weights[i](r, c) = w(r, c);
        weights[i](r, w.cols) = b(r, 0);
      }
      difference = product(transpose(w), delta);
    }
  }

 private:
  /// Rows first, …, first + count − 1 of a matrix.
  static Dense rows_of(const Dense& a, Index first, Index count) {
    Dense part(count, a.cols);
    for (Index c = 0; c < a.cols; ++c)
      for (Index r = 0; r < count; ++r) part(r, c) = a(first + r, c);
    return part;
  }

  static Dense softmax_minus_labels(const Dense& outputs, const std::vector<std::int32_t>& labels) {
    Dense d = outputs;
    for (Index c = 0; c < d.cols; ++c) {
      double total = 0;
      for (Index r = 0; r < d.rows; ++r) total += std::exp(outputs(r, c));
      for (Index r = 0; r < d.rows; ++r) d(r, c) = std::exp(outputs(r, c)) / total;
      d(labels[static_cast<std::size_t>(c)], c) -= 1;
    }
    return d;
  }

  static double dot(const Dense& a, const Dense& b) {
    double sum = 0;
    for (std::size_t k = 0; k < a.values.size(); ++k) sum += a.values[k] * b.values[k];
    return sum;
  }

  static Dense sum(const Dense& a, double factor, const Dense& b) {
    Dense c = a;
    for (std::size_t k = 0; k < a.values.size(); ++k) c.values[k] += factor * b.values[k];
    return c;
  }

  /// ‖σ(x F + C) − T‖² + λ ‖x − x_old‖²
  [[nodiscard]] double objective(Activation activation, const Dense& x, const Dense& old, const Dense& f,
                                 const Dense& constant, const Dense& target) const {
    Dense g = sum(product(x, f), 1, constant);
    for (double& value : g.values) value = activate(activation, value);
    const Dense residual = sum(g, -1, target);
    const Dense moved = sum(x, -1, old);
    return dot(residual, residual) + lambda * dot(moved, moved);
  }

  [[nodiscard]] Dense gradient(Activation activation, const Dense& x, const Dense& old, const Dense& f,
                               const Dense& constant, const Dense& target) const {
    const Dense g = sum(product(x, f), 1, constant);
    Dense residual = g;
    for (std::size_t k = 0; k < g.values.size(); ++k)
      residual.values[k] = (activate(activation, g.values[k]) - target.values[k]) * derivative(activation, g.values[k]);
    Dense result = product(residual, transpose(f));
    for (double& value : result.values) value *= 2;
    return sum(result, 2 * lambda, sum(x, -1, old));
  }

  void minimise(Activation activation, bool is_last, Dense& x, const Dense& f, const Dense& constant,
                const Dense& target) {
    const Dense old = x;
    const Dense no_constant(constant.rows, constant.cols);
    Dense g = gradient(activation, x, old, f, is_last ? no_constant : constant, target);
    Dense d = sum(Dense(g.rows, g.cols), -1, g);
    for (int iteration = 0; iteration < 5; ++iteration) {
      const auto at = [&](int m) {
        return objective(activation, sum(x, std::pow(0.6, m), d), old, f, constant, target);
      };
      const double here = objective(activation, x, old, f, constant, target);
      const int exponent = search(is_last, here, dot(g, d), at);
      if (exponent > 0) x = sum(x, std::pow(0.6, exponent), d);
      const Dense next = gradient(activation, x, old, f, constant, target);
      const double beta = dot(next, next) / dot(g, g);
      d = sum(Dense(g.rows, g.cols), -1, sum(next, -beta, d));
      g = next;
    }
  }

  template <class Objective>
  int search(bool is_last, double here, double descent, const Objective& at) {
    const auto passes = [&](int m) { return at(m) < here + 0.1 * std::pow(0.6, m) * descent; };
    SearchRecord record{is_last, passes(0), -1};
    int m = 0;
    if (!is_last) {
      const double guess = std::floor(std::log(0.01 * here / std::abs(0.1 * descent)) / std::log(0.6));
      const int guessed = guess > 0 ? static_cast<int>(std::min(guess, 50.0)) : 0;
      m = guessed;
      if (!record.full_step_passed) {
        ++m;
        while (m < 50 && !passes(m)) ++m;
      }
    } else {
      while (m < 50 && !passes(m)) ++m;
    }
    if (m < 50) record.exponent = m;
    searches.push_back(record);
    return record.exponent;
  }
};

}  // namespace sibp::naive
