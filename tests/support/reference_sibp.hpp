// Semi-implicit back propagation straight from its description: patches in one matrix, systems solved by elimination.
#pragma once

#include "sibp/update/semi_implicit.hpp"

#include "support/reference_network.hpp"
#include "support/reference_optimiser.hpp"
#include "support/step_fixture.hpp"

#include <cmath>

namespace sibp::naive {

using testing_support::ToyBatch;

/// With new weights carried.
struct ReferenceSibp {
  ReferenceNetwork network;
  ProximalOptions options;
  Index steps = 0;

  struct OfMap {
    Dense mean{};       ///< Σ of β-weighted A / M
    double weight = 0;  ///< of what is in it
    Dense kept{};       ///< the mean, undamped, of the step at which it was used first
    double lambda = 0;  ///< added to it, a sample
    double size = 0;    ///< ‖Ŵ P̂‖² by the system's Gram matrix
    Dense average{};
  };
  std::vector<OfMap> of_maps_{};
  std::vector<Dense> of_scales_{};  ///< averages

  void run(const ToyBatch& batch, double eta, double share) {
    of_maps_.resize(network.maps.size());
    of_scales_.resize(network.scales.size(), Dense());
    network.forward(batch.inputs);
    network.backward(
        batch.labels,
        [&](std::size_t i, const Dense& p, const Dense& s) { update_map(i, p, s, batch.inputs.cols, eta, share); },
        [&](std::size_t i, const Dense& hat, const Dense& s) { update_scales(i, hat, s, eta, share); });
    ++steps;
  }

 private:
  static Dense sampled(const Dense& p, Index per_sample, Index every) {
    std::vector<Index> chosen;
    for (Index c = 0; c < p.cols; ++c)
      if (c / per_sample % every == 0) chosen.push_back(c);
    Dense columns(p.rows, static_cast<Index>(chosen.size()));
    for (Index c = 0; c < columns.cols; ++c)
      for (Index r = 0; r < p.rows; ++r) columns(r, c) = p(r, chosen[static_cast<std::size_t>(c)]);
    return columns;
  }

  static double lambda_of(const Damping& damping, const Dense& a, double samples) {
    if (damping.kind == Damping::Kind::absolute) return damping.value / samples;
    double trace = 0;
    for (Index k = 0; k < a.rows; ++k) trace += a(k, k);
    return damping.value * trace / static_cast<double>(a.rows);
  }

  /// tr X A Xᵀ
  static double size_by(const Dense& x, const Dense& a) {
    const Dense xa = product(x, a);
    double sum = 0;
    for (std::size_t k = 0; k < xa.values.size(); ++k) sum += xa.values[k] * x.values[k];
    return sum;
  }

  void update_map(std::size_t i, const Dense& p, const Dense& s, Index samples, double eta, double share) {
    const MapShape& shape = network.spec.maps[i];
    const SystemOptions system = options.system_of(shape);
    OfMap& mine = of_maps_[i];
    Dense& weights = network.maps[i];
    const auto m = static_cast<double>(samples);
    const Dense x = sampled(p, shape.columns, system.sample);
    Dense a = product(x, transpose(x));  // over samples, a sample
    for (double& value : a.values) value /= static_cast<double>(x.cols / shape.columns);
    double lambda = lambda_of(system.damping, a, m);
    const Index beyond = steps - system.refresh.burn_in;
    const bool averages = system.refresh.keeps_mean();
    const auto due = [&](Index at) { return !averages || at <= 0 || at % system.refresh.every == 0; };
    const bool is_due = due(beyond);
    const bool lags = system.refresh.lags && mine.weight > 0 && beyond >= 0;
    const Dense kept_before = mine.kept;
    const double lambda_before = mine.lambda;
    if (averages && is_due) {
      if (mine.mean.rows == 0) mine.mean = Dense(a.rows, a.cols);
      const double beta = system.refresh.average;
      for (std::size_t k = 0; k < a.values.size(); ++k)
        mine.mean.values[k] = beta * mine.mean.values[k] + (1 - beta) * a.values[k];
      mine.weight = beta * mine.weight + 1 - beta;
      mine.kept = mine.mean;
      for (double& value : mine.kept.values) value /= mine.weight;
      mine.lambda = lambda_of(system.refresh.damping, mine.kept, m);
    }
    if (lags) {
      a = kept_before;
      lambda = lambda_before;
    } else if (averages && beyond >= 0 && !system.refresh.lags) {
      a = mine.kept;
      lambda = mine.lambda;
    }
    if (lags ? due(beyond - 1) : is_due) mine.size = size_by(weights, a);
    Dense damped = a;
    for (Index k = 0; k < a.rows; ++k) damped(k, k) += lambda;
    Dense b = product(s, transpose(p));
    for (double& value : b.values) value *= -1 / m;
    if (options.momentum.of_gradient) b = averaged(mine.average, b);
    const bool is_last = i + 1 == network.maps.size();
    Dense step = is_last ? transpose(solve(damped, transpose(b))) : direction(damped, b);
    const double factor = options.step.kind == StepRule::Kind::fixed || is_last
                              ? eta
                              : options.step.kappa * share * std::sqrt(mine.size / size_by(step, a));
    for (double& value : step.values) value *= factor;
    for (double& value : weights.values) value *= 1 - options.weight_decay * share;
    ReferenceNetwork::add(weights, options.momentum.of_gradient ? step : averaged(mine.average, step));
  }

  /// ΔŴ before it is scaled.
  [[nodiscard]] Dense direction(const Dense& damped, const Dense& b) const {
    Dense solved = transpose(solve(damped, transpose(b)));
    if (options.step.kind == StepRule::Kind::newton_muon) return ReferenceOptimiser::polar_factor(solved);
    if (options.step.kind != StepRule::Kind::spectral) return solved;
    const Dense l = cholesky(damped);
    const Dense x = product(solved, l);  // B L⁻ᵀ = B (L Lᵀ)⁻¹ L
    return transpose(solve(transpose(l), transpose(ReferenceOptimiser::polar_factor(x))));
  }

  static Dense cholesky(const Dense& a) {
    Dense l(a.rows, a.cols);
    for (Index j = 0; j < a.cols; ++j)
      for (Index i = j; i < a.rows; ++i) {
        double sum = a(i, j);
        for (Index k = 0; k < j; ++k) sum -= l(i, k) * l(j, k);
        l(i, j) = i == j ? std::sqrt(sum) : sum / l(j, j);
      }
    return l;
  }

  /// V ← μ V + (1 − μ) Δ; Nesterov's form is μ V + (1 − μ) Δ once more.
  Dense averaged(Dense& average, const Dense& step) const {
    const double mu = options.momentum.mu;
    if (average.rows == 0) average = Dense(step.rows, step.cols);
    for (std::size_t k = 0; k < step.values.size(); ++k)
      average.values[k] = mu * average.values[k] + (1 - mu) * step.values[k];
    if (!options.momentum.nesterov) return average;
    Dense ahead = average;
    for (std::size_t k = 0; k < step.values.size(); ++k)
      ahead.values[k] = mu * average.values[k] + (1 - mu) * step.values[k];
    return ahead;
  }

  [[nodiscard]] bool is_batch_norm(std::size_t norm) const {
    for (const Node& node : network.spec.nodes)
      if (node.layer->text().starts_with("norm") && norm-- == 0) return !node.layer->text().starts_with("norm(group");
    return false;
  }

  /// The least squares of (x̂, 1) for every channel. A batch norm takes the variance of x̂ for 1, which it is but for ε.
  void update_scales(std::size_t i, const Dense& hat, const Dense& s, double eta, double share) {
    Dense& weights = network.scales[i];
    Dense step(weights.rows, weights.cols);
    std::vector<Dense> grams;
    double move = 0;
    double size = 0;
    for (Index c = 0; c < hat.rows; ++c) {
      Dense inputs(2, hat.cols, 1);
      Dense delta(1, hat.cols);
      Dense own(1, 2);
      for (Index k = 0; k < hat.cols; ++k) {
        inputs(0, k) = hat(c, k);
        delta(0, k) = -s(c, k);
      }
      Dense a = product(inputs, transpose(inputs));
      if (is_batch_norm(i)) {
        a(0, 0) = a(1, 1);
        a(0, 1) = a(1, 0) = 0;
      }
      own(0, 0) = network.gamma(i, c);
      own(0, 1) = network.beta(i, c);
      size += size_by(own, a);
      Dense b = product(inputs, transpose(delta));
      if (weights.cols == 1) {  // γ is fixed
        a = Dense(1, 1, a(1, 1));
        b = Dense(1, 1, b(1, 0));
      }
      const double lambda = lambda_of(options.convolution.damping, a, 1);
      Dense damped = a;
      for (Index k = 0; k < a.rows; ++k) damped(k, k) += lambda;
      const Dense solved = transpose(solve(damped, b));
      for (Index k = 0; k < a.rows; ++k) step(c, k) = solved(0, k);
      grams.push_back(a);
    }
    if (options.momentum.of_gradient) step = averaged(of_scales_[i], step);
    for (Index c = 0; c < hat.rows; ++c) {
      Dense row(1, step.cols);
      for (Index k = 0; k < step.cols; ++k) row(0, k) = step(c, k);
      move += size_by(row, grams[static_cast<std::size_t>(c)]);
    }
    const double factor =
        options.step.kind == StepRule::Kind::fixed ? eta : options.step.kappa * share * std::sqrt(size / move);
    for (double& value : step.values) value *= factor;
    ReferenceNetwork::add(weights, options.momentum.of_gradient ? step : averaged(of_scales_[i], step));
  }
};

}  // namespace sibp::naive
