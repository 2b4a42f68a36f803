#pragma once

// Gradient descent with momentum, Adam, Muon and the proximal steps of ProxProp in plain double loops, on the gradients
// of ReferenceStep or others.

#include "sibp/update/method_options.hpp"

#include "support/reference_step.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
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
      if (is("muon") && i + 1 < spec.maps.size()) {
        muon(i, direction);
        continue;
      }
      const bool with_adam = is("adam") || is("adamw") || is("muon") ||
                             (options.method == Method::proxprop && options.outer == Optimiser::adam);
      const double its_rate = is("muon") ? rate / 100 : rate;
      const double decay = i < spec.maps.size() && !is("muon") ? options.weight_decay.value_or(0) : 0;
      for (std::size_t k = 0; k < direction.values.size(); ++k) {
        double& w = weights[i].values[k];
        const double g = direction.values[k] + (is("adamw") ? 0 : decay * w);
        if (is("adamw")) w *= 1 - its_rate * decay;
        w -= its_rate * (with_adam ? adam(i, k, g) : momentum(i, k, g));
      }
    }
  }

  [[nodiscard]] bool is(std::string_view name) const { return name_of(options.method) == name; }

  /// Five Newton–Schulz steps towards the polar factor.
  static Dense polar_factor(Dense x) {
    double size = 0;
    for (const double value : x.values) size += value * value;
    for (double& value : x.values) value /= std::sqrt(size);
    for (int step = 0; step < 5; ++step) {
      const Dense squares = product(x, transpose(x));
      const Dense once = product(squares, x);
      const Dense twice = product(squares, once);
      for (std::size_t k = 0; k < x.values.size(); ++k)
        x.values[k] = 3.4445 * x.values[k] - 4.7750 * once.values[k] + 2.0315 * twice.values[k];
    }
    return x;
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
    return options.nesterov.value_or(false) ? g + *options.momentum * v : v;
  }

  void muon(std::size_t i, const Dense& gradient) {
    Dense step = gradient;
    for (std::size_t k = 0; k < step.values.size(); ++k) {
      double& v = first[i].values[k];
      v = *options.momentum * v + gradient.values[k];
      step.values[k] += *options.momentum * v;
    }
    step = polar_factor(step);
    const double shape = std::max(1.0, static_cast<double>(step.rows) / static_cast<double>(step.cols));
    for (std::size_t k = 0; k < step.values.size(); ++k) {
      double& w = weights[i].values[k];
      w = (1 - options.weight_decay.value_or(0) * rate) * w - rate * std::sqrt(shape) * step.values[k];
    }
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
