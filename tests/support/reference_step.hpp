#pragma once

// One step of semi-implicit back propagation in dense double arithmetic on the whole batch, written straight from the
// paper's algorithm; shares nothing with the library but the names of activations and losses.

#include "sibp/model/network_spec.hpp"
#include "sibp/update/proximal_options.hpp"

#include "support/naive.hpp"

#include <cmath>
#include <vector>

namespace sibp::naive {

struct ReferenceStep {
  NetworkSpec spec;
  std::vector<Dense> weights{};  ///< Ŵ_i, in and out
  double eta = 1;
  Damping damping{};
  Carry carry = Carry::new_weights;
  double weight_decay = 0;
  GramRefresh refresh{};
  Index sample = 1;  ///< A is of every so many-th column, for all

  // Filled by run(), for tests that look inside.
  double loss = 0;                 ///< sum over samples
  std::vector<Dense> gradients{};  ///< of the summed loss with respect to Ŵ_i at the start
  std::vector<double> lambdas{};
  std::vector<Dense> features{};  ///< F̂_{i−1} at the start

  // Where a mean stands for A.
  Index steps = 0;
  std::vector<Dense> means{};  ///< running, weighted by powers of β
  std::vector<double> mean_weights{};
  std::vector<Dense> kept{};  ///< the damped mean of the last step at which one was due

  void run(const Dense& inputs, const std::vector<std::int32_t>& labels) {
    const std::size_t layers = spec.maps.size();
    features = {with_ones(inputs)};
    std::vector<Dense> pre_activations;
    for (std::size_t i = 0; i < layers; ++i) {
      pre_activations.push_back(product(weights[i], features.back()));
      Dense f = pre_activations.back();
      for (double& value : f.values) value = activate(spec.maps[i].activation, value);
      features.push_back(with_ones(f));
    }
    Dense difference = output_difference(pre_activations.back(), labels);
    gradients.resize(layers);
    lambdas.resize(layers);
    for (std::size_t i = layers; i-- > 0;) {
      Dense delta = difference;
      for (std::size_t k = 0; k < delta.values.size(); ++k)
        delta.values[k] *= derivative(spec.maps[i].activation, pre_activations[i].values[k]);
      gradients[i] = product(delta, transpose(features[i]));
      const Dense old = weights[i];
      for (double& value : weights[i].values) value *= 1 - weight_decay;
      update(i, features[i], delta);
      const Dense& carrying = carry == Carry::new_weights ? weights[i] : old;
      const Dense all = product(transpose(carrying), delta);
      difference = Dense(all.rows - 1, all.cols);  // without the bias row
      for (Index c = 0; c < all.cols; ++c)
        for (Index r = 0; r + 1 < all.rows; ++r) difference(r, c) = all(r, c);
    }
    ++steps;
  }

  /// The loss of `inputs` under present weights, for finite differences.
  double loss_of(const Dense& inputs, const std::vector<std::int32_t>& labels) {
    Dense f = inputs;
    for (std::size_t i = 0; i < spec.maps.size(); ++i) {
      f = product(weights[i], with_ones(f));
      for (double& value : f.values) value = activate(spec.maps[i].activation, value);
    }
    output_difference(f, labels);
    return loss;
  }

  static Dense with_ones(const Dense& f) {
    Dense extended(f.rows + 1, f.cols, 1);
    for (Index c = 0; c < f.cols; ++c)
      for (Index r = 0; r < f.rows; ++r) extended(r, c) = f(r, c);
    return extended;
  }

 private:
  Dense output_difference(const Dense& outputs, const std::vector<std::int32_t>& labels) {
    Dense d = outputs;
    loss = 0;
    for (Index c = 0; c < d.cols; ++c) {
      const auto label = labels[static_cast<std::size_t>(c)];
      if (spec.loss == Loss::softmax_cross_entropy) {
        double total = 0;
        for (Index r = 0; r < d.rows; ++r) total += std::exp(outputs(r, c));
        loss -= std::log(std::exp(outputs(label, c)) / total);
        for (Index r = 0; r < d.rows; ++r) d(r, c) = std::exp(outputs(r, c)) / total;
      }
      d(label, c) -= 1;
      if (spec.loss == Loss::squared_error)
        for (Index r = 0; r < d.rows; ++r) loss += d(r, c) * d(r, c) / 2;
    }
    return d;
  }

  /// Ŵ ← Ŵ + B (A + λI)⁻¹
  void update(std::size_t i, const Dense& f, const Dense& delta) {
    const Dense a = damped_gram(i, f);
    Dense b = product(delta, transpose(f));
    for (double& value : b.values) value *= -eta;
    const Dense step = transpose(solve(a, transpose(b)));  // A is symmetric: (ΔŴ)ᵀ = (A + λI)⁻¹ Bᵀ
    for (std::size_t k = 0; k < step.values.size(); ++k) weights[i].values[k] += step.values[k];
  }

  Dense sampled_gram(const Dense& f) const {
    const Index count = (f.cols + sample - 1) / sample;
    Dense chosen(f.rows, count);
    for (Index c = 0; c < count; ++c)
      for (Index r = 0; r < f.rows; ++r) chosen(r, c) = f(r, c * sample);
    Dense a = product(chosen, transpose(chosen));
    for (double& value : a.values) value *= static_cast<double>(f.cols) / static_cast<double>(count);
    return a;
  }

  /// A + λI of this batch, or M times that of the mean kept since a step at which one was due.
  Dense damped_gram(std::size_t i, const Dense& f) {
    const Dense own = sampled_gram(f);
    if (!refresh.keeps_mean()) return with_damping(i, own, damping, 1);
    means.resize(spec.maps.size(), Dense(0, 0));
    kept.resize(spec.maps.size(), Dense(0, 0));
    mean_weights.resize(spec.maps.size(), 0);
    const Dense before = kept[i];
    const Index beyond = steps - refresh.burn_in;
    if (beyond <= 0 || beyond % refresh.every == 0) {
      if (means[i].rows == 0) means[i] = Dense(own.rows, own.cols);
      for (std::size_t k = 0; k < own.values.size(); ++k) {
        means[i].values[k] =
            refresh.average * means[i].values[k] + (1 - refresh.average) * own.values[k] / static_cast<double>(f.cols);
      }
      mean_weights[i] = refresh.average * mean_weights[i] + 1 - refresh.average;
      Dense mean = means[i];
      for (double& value : mean.values) value /= mean_weights[i];
      kept[i] = with_damping(i, mean, refresh.damping, static_cast<double>(f.cols));
    }
    const Dense& taken = refresh.lags ? before : kept[i];
    if (beyond < 0 || taken.rows == 0) return with_damping(i, own, damping, 1);
    Dense a = taken;
    for (double& value : a.values) value *= static_cast<double>(f.cols);
    return a;
  }

  /// a + λI, where a is a sum over samples divided by `samples`.
  Dense with_damping(std::size_t i, Dense a, const Damping& kind, double samples) {
    double trace = 0;
    for (Index k = 0; k < a.rows; ++k) trace += a(k, k);
    const double lambda =
        kind.kind == Damping::Kind::relative ? kind.value * trace / static_cast<double>(a.rows) : kind.value / samples;
    for (Index k = 0; k < a.rows; ++k) a(k, k) += lambda;
    lambdas[i] = lambda * samples;
    return a;
  }
};

}  // namespace sibp::naive
