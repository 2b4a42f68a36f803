#pragma once

// Gradient descent with momentum, Adam and the proximal steps of ProxProp in plain double loops, on the gradients of
// ReferenceStep or others.

#include "sibp/update/method_options.hpp"

#include "support/reference_step.hpp"

#include <cmath>
#include <vector>

namespace sibp::naive {

/// One method's run over a network's weights.
struct ReferenceOptimiser {
  NetworkSpec spec;
  std::vector<Dense> weights{};  ///< Ŵ_i, then [γ β] of normalisations, in and out
  MethodOptions options{};
  double rate = 0.1;

  int steps = 0;
  std::vector<Dense> first{};
  std::vector<Dense> second{};

  void run(const Dense& inputs, const std::vector<std::int32_t>& labels) {
    ReferenceStep pass{.spec = spec, .weights = weights, .carry = Carry::old_weights};
    pass.run(inputs, labels);
    apply(pass.gradients, pass.features, inputs.cols);
  }

  /// Of gradients of the summed loss; `features` are the inputs of the maps, P̂.
  void apply(const std::vector<Dense>& gradients, const std::vector<Dense>& features, Index samples) {
    ++steps;
    first.resize(weights.size());
    second.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      Dense direction = gradients[i];
      for (double& value : direction.values) value /= static_cast<double>(samples);
      if (options.method == Method::proxprop && i + 1 < spec.maps.size())
        direction = proximal_direction(direction, features[i]);
      if (steps == 1) first[i] = second[i] = Dense(direction.rows, direction.cols);
      const bool with_adam =
          options.method == Method::adam || (options.method == Method::proxprop && options.outer == Optimiser::adam);
      for (std::size_t k = 0; k < direction.values.size(); ++k) {
        const double decay = i < spec.maps.size() ? options.weight_decay : 0;
        const double g = direction.values[k] + decay * weights[i].values[k];
        weights[i].values[k] -= rate * (with_adam ? adam(i, k, g) : momentum(i, k, g));
      }
    }
  }

  /// −ΔŴ of ½‖Δ F̂ − R‖² + 1/(2τ)‖Δ‖² with R F̂ᵀ = −gradient: −ΔŴ (F̂ F̂ᵀ + I/τ) = gradient.
  [[nodiscard]] Dense proximal_direction(const Dense& gradient, const Dense& features) const {
    Dense a = product(features, transpose(features));
    for (Index k = 0; k < a.rows; ++k) a(k, k) += 1 / options.tau;
    if (options.cg_steps == 0) return transpose(solve(a, transpose(gradient)));
    Dense x(gradient.rows, gradient.cols);
    for (Index r = 0; r < gradient.rows; ++r) conjugate_gradients(a, gradient, x, r);
    return x;
  }

 private:
  double momentum(std::size_t i, std::size_t k, double g) {
    double& v = first[i].values[k];
    v = *options.momentum * v + g;
    return options.nesterov ? g + *options.momentum * v : v;
  }

  double adam(std::size_t i, std::size_t k, double g) {
    double& m = first[i].values[k];
    double& v = second[i].values[k];
    m = options.beta1 * m + (1 - options.beta1) * g;
    v = options.beta2 * v + (1 - options.beta2) * g * g;
    const double unbiased_m = m / (1 - std::pow(options.beta1, steps));
    const double unbiased_v = v / (1 - std::pow(options.beta2, steps));
    return unbiased_m / (std::sqrt(unbiased_v) + options.epsilon);
  }

  /// Row r of x after cg_steps steps for x a = b from 0.
  void conjugate_gradients(const Dense& a, const Dense& b, Dense& x, Index r) const {
    std::vector<double> residual;
    for (Index c = 0; c < b.cols; ++c) residual.push_back(b(r, c));
    std::vector<double> p = residual;
    for (Index step = 0; step < options.cg_steps; ++step) {
      std::vector<double> ap(p.size());
      for (std::size_t c = 0; c < p.size(); ++c)
        for (std::size_t k = 0; k < p.size(); ++k) ap[c] += p[k] * a(static_cast<Index>(k), static_cast<Index>(c));
      double size = 0;
      double curvature = 0;
      for (std::size_t c = 0; c < p.size(); ++c) {
        size += residual[c] * residual[c];
        curvature += p[c] * ap[c];
      }
      if (size < 1e-30) return;  // solved
      double next = 0;
      for (std::size_t c = 0; c < p.size(); ++c) {
        x(r, static_cast<Index>(c)) += size / curvature * p[c];
        residual[c] -= size / curvature * ap[c];
        next += residual[c] * residual[c];
      }
      for (std::size_t c = 0; c < p.size(); ++c) p[c] = residual[c] + next / size * p[c];
    }
  }
};

}  // namespace sibp::naive
