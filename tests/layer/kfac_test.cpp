// K-FAC on convolutional networks, on any number of ranks, against its formulas in dense double arithmetic.
#include "sibp/update/methods.hpp"

#include "support/named_method.hpp"
#include "support/reference_network.hpp"
#include "support/small_conv_nets.hpp"
#include "support/step_fixture.hpp"

#include <cmath>
#include <ostream>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::Dense;
using naive::ReferenceNetwork;

constexpr double rate = 0.3;

/// A factor of one map: its running mean and what was made of it last.
struct Factor {
  Dense mean;
  double weight = 0;
  Dense damped;

  /// X Xᵀ / count joins the mean.
  void add(const Dense& x, double count, double average, double damping) {
    const Dense square = product(x, naive::transpose(x));
    if (weight == 0) mean = Dense(square.rows, square.cols);
    if (average == 0) weight = 0;
    weight = average * weight + 1 - average;
    damped = mean;
    double trace = 0;
    for (std::size_t k = 0; k < square.values.size(); ++k) {
      mean.values[k] = average * mean.values[k] + (1 - average) * square.values[k] / count;
      damped.values[k] = mean.values[k] / weight;
    }
    for (Index k = 0; k < damped.rows; ++k) trace += damped(k, k);
    for (Index k = 0; k < damped.rows; ++k) damped(k, k) += damping * trace / static_cast<double>(damped.rows);
  }
};

struct ReferenceKfac {
  ReferenceNetwork network;
  MethodOptions options;

  void step(const ToyBatch& batch) {
    const auto samples = static_cast<double>(batch.inputs.cols);
    const std::size_t maps = network.maps.size();
    gradients.assign(maps + network.scales.size(), {});
    inputs.resize(maps);
    outputs.resize(maps);
    network.forward(batch.inputs);
    network.backward(
        batch.labels,
        [&](std::size_t i, const Dense& p, const Dense& s) {
          gradients[i] = product(s, naive::transpose(p));
          const MapShape& map = network.spec.maps[i];
          const GramRefresh& refresh = map.columns > 1 ? options.convolution.refresh : options.refresh;
          if (steps % refresh.every != 0) return;
          const double average = refresh.every > 1 ? refresh.average : 0;  // each batch its own
          inputs[i].add(p, samples, average, options.damping->value);
          outputs[i].add(s, samples * static_cast<double>(map.columns), average, options.damping->value);
        },
        [&](std::size_t i, const Dense& hat, const Dense& s) {
          gradients[maps + i] = network.gradient_of_scales(i, hat, s);
        });
    double decrease = 0;
    std::vector<Dense> directions = gradients;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      for (double& value : gradients[i].values) value /= samples;
      directions[i] = i < maps ? preconditioned(i) : gradients[i];
      for (std::size_t k = 0; k < directions[i].values.size() && i < maps; ++k)
        decrease += directions[i].values[k] * gradients[i].values[k];
    }
    clip = std::min(1.0, std::sqrt(options.kl_clip / (rate * rate * decrease)));
    velocities.resize(directions.size());
    for (std::size_t i = 0; i < directions.size(); ++i) {
      Dense& weights = i < maps ? network.maps[i] : network.scales[i - maps];
      Dense& v = velocities[i];
      if (v.rows == 0) v = Dense(weights.rows, weights.cols);
      for (std::size_t k = 0; k < v.values.size(); ++k) {
        const double own = i < maps ? clip * directions[i].values[k] + *options.weight_decay * weights.values[k]
                                    : directions[i].values[k];
        v.values[k] = *options.momentum * v.values[k] + own;
        weights.values[k] -= rate * v.values[k];
      }
    }
    ++steps;
  }

  /// G⁻¹ ∇ A⁻¹
  [[nodiscard]] Dense preconditioned(std::size_t i) const {
    const Dense left = solve(outputs[i].damped, gradients[i]);
    return naive::transpose(solve(inputs[i].damped, naive::transpose(left)));
  }

  Index steps = 0;
  double clip = 0;
  std::vector<Dense> gradients{};
  std::vector<Dense> velocities{};
  std::vector<Factor> inputs{};
  std::vector<Factor> outputs{};
};

struct Case {
  const char* name;
  double kl_clip;
  bool clips;
  GramRefresh dense;
  GramRefresh convolution;

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }
};

class KfacSteps : public testing::TestWithParam<std::tuple<const char*, Case>> {};

INSTANTIATE_TEST_SUITE_P(Clips, KfacSteps,
                         testing::Combine(testing::ValuesIn(small_conv_nets),
                                          testing::Values(Case{"clipped", 1e-3, true, {3, 0.8, 0}, {2, 0.7, 0}},
                                                          Case{"free", 1e3, false, {3, 0.8, 0}, {2, 0.7, 0}},
                                                          Case{"of every batch", 1e-3, true, {1}, {1}})));

TEST_P(KfacSteps, AreTheFormulasOnAnyNumberOfRanks) {
  const auto& [text, c] = GetParam();
  const NetworkSpec spec = parse_small(text);
  MethodOptions options = default_options(named_method("kfac"));
  options.refresh = c.dense;
  options.convolution.refresh = c.convolution;
  options.convolution.sample = 1;
  options.damping->value = 0.3;
  options.weight_decay = 0.05;
  options.kl_clip = c.kl_clip;
  options = settled(options, spec);
  options.momentum = 0.9;
  const auto maps = toy_weights(spec, 21);
  const auto scales = toy_scales(spec, 31);
  RankOfStep rank(make_mpi_communicator(), spec, maps, 40, [&](const auto& context, const auto& network) {
    return make_update_rule(context, network, options, {40, 40});
  });
  set_parameters(rank.device(), rank.network(), ParameterRole::scales, scales);
  ReferenceKfac reference{{.spec = spec, .maps = maps, .scales = scales}, options};
  for (const Index samples : {11, 2, 7, 9}) {
    const ToyBatch batch = toy_batch(spec.inputs(), small_classes, samples, 100 + static_cast<std::uint64_t>(samples));
    rank.step(batch, rate);
    reference.step(batch);
    EXPECT_EQ(reference.clip < 1, c.clips);
    const auto weights = parameters_of(rank.device(), rank.network(), ParameterRole::weights);
    for (std::size_t i = 0; i < maps.size(); ++i)
      EXPECT_LT(change_error(weights[i], reference.network.maps[i], maps[i]), 10 * rounding)
          << "map " << i << " after step " << reference.steps;
    const auto found = parameters_of(rank.device(), rank.network(), ParameterRole::scales);
    for (std::size_t i = 0; i < scales.size(); ++i)
      EXPECT_LT(change_error(found[i], reference.network.scales[i], scales[i]), 10 * rounding)
          << "norm " << i << " after step " << reference.steps;
  }
}

}  // namespace
}  // namespace sibp
