// One and more steps of the whole update, on 1 to 4 ranks, against an independent reference in double.
#include "support/reference_step.hpp"
#include "support/step_fixture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::Dense;
using naive::ReferenceStep;

const double tolerance = sizeof(Real) == 4 ? 2e-4 : 1e-11;

struct Case {
  const char* network;
  Loss loss;
  Damping damping;
  Carry carry;
  Index samples;
  double weight_decay = 0;
};

constexpr Index inputs = 6;
constexpr Index classes = 3;

class Step : public testing::TestWithParam<std::tuple<Case, Form>> {};

TEST_P(Step, IsTheReferenceOnAnyNumberOfRanks) {
  const auto& [c, form] = GetParam();
  const NetworkSpec spec = parse_network(c.network, inputs, c.loss, Activation::relu);
  const auto start = toy_weights(spec, 21);
  RankOfStep rank(make_mpi_communicator(), spec, start, 40,
                  [&, &c = c, &form = form](const auto& context, const auto& network) {
                    ProximalOptions options{c.damping, c.carry, {form}, {40, 40}};
                    options.weight_decay = c.weight_decay;
                    return make_semi_implicit(context, network, options);
                  });
  ReferenceStep reference{.spec = spec,
                          .weights = start,
                          .eta = 0.7,
                          .damping = c.damping,
                          .carry = c.carry,
                          .weight_decay = c.weight_decay};
  for (const std::uint64_t step : {1, 2, 3}) {
    const ToyBatch batch = toy_batch(inputs, classes, c.samples, 100 + step);
    const LossSums loss = rank.step(batch, 0.7);
    reference.run(batch.inputs, batch.labels);
    EXPECT_NEAR(loss.loss, reference.loss, tolerance * (1 + reference.loss)) << "loss before step " << step;
    const auto weights = rank.weights();
    for (std::size_t i = 0; i < weights.size(); ++i)
      EXPECT_LT(naive::relative_difference(weights[i], reference.weights[i]), tolerance)
          << "layer " << i + 1 << " after step " << step;
    const auto [smallest, largest] = std::minmax_element(reference.lambdas.begin(), reference.lambdas.end());
    EXPECT_NEAR(rank.rule().lambda_range().smallest, *smallest, 1e-4 * *smallest);
    EXPECT_NEAR(rank.rule().lambda_range().largest, *largest, 1e-4 * *largest);
  }
}

constexpr Damping relative{Damping::Kind::relative, 1};
constexpr Damping absolute{Damping::Kind::absolute, 0.5};

INSTANTIATE_TEST_SUITE_P(
    Networks, Step,
    testing::Combine(
        testing::Values(
            Case{"dense(3)", Loss::softmax_cross_entropy, relative, Carry::new_weights, 11},
            Case{"dense(5,relu) dense(3)", Loss::softmax_cross_entropy, relative, Carry::new_weights, 11},
            Case{"dense(5,leaky-relu) dense(3)", Loss::softmax_cross_entropy, absolute, Carry::new_weights, 11},
            Case{"dense(5,tanh) dense(4,tanh) dense(3)", Loss::softmax_cross_entropy, relative, Carry::new_weights, 23},
            Case{"dense(5,sigmoid) dense(3)", Loss::softmax_cross_entropy, absolute, Carry::old_weights, 11},
            Case{"dense(5,identity) dense(3)", Loss::squared_error, relative, Carry::new_weights, 11},
            Case{"dense(7,relu) dense(6,tanh) dense(5,sigmoid) dense(3)", Loss::squared_error, relative,
                 Carry::old_weights, 13},
            // more outputs than inputs: dual forms solve for the features, and split by columns
            Case{"dense(11,relu) dense(4,tanh) dense(9,relu) dense(3)", Loss::softmax_cross_entropy, relative,
                 Carry::new_weights, 13},
            Case{"dense(11,tanh) dense(4,relu) dense(9,tanh) dense(3)", Loss::squared_error, absolute,
                 Carry::old_weights, 13},
            Case{"dense(5,relu) dense(4,tanh) dense(3)", Loss::softmax_cross_entropy, relative, Carry::new_weights, 11,
                 0.1},
            Case{"dense(5,relu) dense(4,tanh) dense(3)", Loss::softmax_cross_entropy, relative, Carry::old_weights, 11,
                 0.1},
            // fewer samples than ranks: some ranks hold none
            Case{"dense(5,relu) dense(4,relu) dense(3)", Loss::softmax_cross_entropy, relative, Carry::new_weights, 2}),
        testing::ValuesIn(all_forms())));

TEST(SampledStep, IsTheReferenceOnAnyNumberOfRanks) {
  const NetworkSpec spec = parse_network("dense(5,relu) dense(4,tanh) dense(3)", 6, Loss::softmax_cross_entropy, {});
  const auto start = toy_weights(spec, 21);
  for (const Form form : all_forms()) {
    if (!can_sample(form)) continue;
    for (const Index sample : {2, 5, 100}) {
      SCOPED_TRACE(fmt::format("{}, every {}", name_of(form), sample));
      ReferenceStep reference{.spec = spec, .weights = start, .eta = 0.7, .damping = relative, .sample = sample};
      RankOfStep rank(make_mpi_communicator(), spec, start, 40, [&](const auto& context, const auto& network) {
        ProximalOptions options{relative, Carry::new_weights, {form}, {40, 40}};
        options.sample = sample;
        return make_semi_implicit(context, network, options);
      });
      for (const Index samples : {23, 7, 24}) {
        const ToyBatch batch = toy_batch(inputs, classes, samples, 100);
        rank.step(batch, 0.7);
        reference.run(batch.inputs, batch.labels);
        const auto weights = rank.weights();
        for (std::size_t i = 0; i < weights.size(); ++i)
          EXPECT_LT(change_error(weights[i], reference.weights[i], start[i]), tolerance) << "layer " << i + 1;
      }
    }
  }
}

TEST(Gradient, OfTheReferenceIsThatOfFiniteDifferences) {
  for (const char* text :
       {"dense(5,relu) dense(3)", "dense(4,tanh) dense(4,sigmoid) dense(3)", "dense(4,leaky-relu) dense(3)"})
    for (const Loss loss : {Loss::softmax_cross_entropy, Loss::squared_error}) {
      const NetworkSpec spec = parse_network(text, 6, loss, Activation::relu);
      const auto start = toy_weights(spec, 4);
      const ToyBatch batch = toy_batch(6, 3, 9, 5);
      ReferenceStep reference{.spec = spec, .weights = start, .carry = Carry::old_weights};
      reference.run(batch.inputs, batch.labels);
      ReferenceStep probe{.spec = spec, .weights = start};
      for (std::size_t i = 0; i < start.size(); ++i)
        for (std::size_t k = 0; k < start[i].values.size(); k += 3) {
          const double h = 1e-6;
          probe.weights[i].values[k] = start[i].values[k] + h;
          const double above = probe.loss_of(batch.inputs, batch.labels);
          probe.weights[i].values[k] = start[i].values[k] - h;
          const double below = probe.loss_of(batch.inputs, batch.labels);
          probe.weights[i].values[k] = start[i].values[k];
          EXPECT_NEAR(reference.gradients[i].values[k], (above - below) / (2 * h), 1e-6) << text;
        }
    }
}

TEST(Gradient, OfTheLibraryIsTheStepUnderOverwhelmingDamping) {
  // ΔŴ = B (A + λI)⁻¹ → B / λ = −(η / λ) S F̂ᵀ, the plain gradient step, as λ grows.
  const NetworkSpec spec = parse_network("dense(5,tanh) dense(4,relu) dense(3)", 6, Loss::softmax_cross_entropy, {});
  const auto start = toy_weights(spec, 4);
  const ToyBatch batch = toy_batch(6, 3, 9, 5);
  ReferenceStep reference{.spec = spec, .weights = start, .carry = Carry::old_weights};
  reference.run(batch.inputs, batch.labels);
  const double lambda = 1e3;
  const double eta = 10;  // so that the step is large enough to be seen in float
  RankOfStep rank(make_mpi_communicator(), spec, start, 40, [&](const auto& context, const auto& network) {
    return make_semi_implicit(context, network,
                              {{Damping::Kind::absolute, lambda}, Carry::old_weights, {Form::normal}, {40, 40}});
  });
  rank.step(batch, eta);
  const auto weights = rank.weights();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    Dense step = weights[i];
    Dense expected = reference.gradients[i];
    for (std::size_t k = 0; k < step.values.size(); ++k) {
      step.values[k] -= start[i].values[k];
      expected.values[k] *= -eta / lambda;
    }
    EXPECT_LT(naive::relative_difference(step, expected), 0.05) << "layer " << i + 1;
  }
}

}  // namespace
}  // namespace sibp
