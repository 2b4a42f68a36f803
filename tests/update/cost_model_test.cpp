// The cost model against the counts of the derivation, and what it must say about more work or more ranks.
#include "sibp/core/error.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/update/nominal_rates.hpp"
#include "sibp/update/step_prediction.hpp"

#include "update/tally.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace sibp {
namespace {

constexpr Carry carry = Carry::new_weights;

NetworkSpec network(const char* hidden, Index inputs) {
  return network_from_widths(hidden, inputs, 10, Loss::softmax_cross_entropy, Activation::relu);
}
NetworkSpec large_network() {
  return network("4000,1000,4000", 3072);
}

/// A machine on which seconds are flops, and messages cost next to nothing.
MachineRates flops_alone() {
  return MachineRates::uniform(1, 0, 1e30);
}

double flops_in(const NetworkSpec& spec, Form form, Index batch) {
  return predict_step(spec, {batch, 1, carry}, flops_alone(), std::vector<Form>(spec.maps.size(), form)).cost.flops();
}

/// Flops of a step in the forms that need fewest, over those of a step of gradient descent.
double over_gradient(const NetworkSpec& spec, Index batch) {
  MachineRates rates = flops_alone();
  rates.memory_bytes = 1e30;
  double gradient = 0;
  for (std::size_t i = 0; i < spec.maps.size(); ++i)
    gradient += gradient_cost({spec.maps[i], i == 0, {batch, 1, carry}}, rates).flops();
  return predict_step(spec, {batch, 1, carry}, rates).cost.flops() / gradient;
}

TEST(CostModel, CountsTheFlopsOfAStep) {
  EXPECT_NEAR(flops_in(large_network(), Form::normal, 100) / 1e9, 182.6, 0.05);
  EXPECT_NEAR(flops_in(large_network(), Form::dual, 100) / 1e9, 10.0, 0.05);
}

TEST(CostModel, CountsTheFlopsOverThoseOfAGradientStep) {
  EXPECT_NEAR(over_gradient(large_network(), 100), 1.02, 0.005);
  EXPECT_NEAR(over_gradient(large_network(), 500), 1.12, 0.005);
  EXPECT_NEAR(over_gradient(large_network(), 2000), 1.47, 0.005);
  EXPECT_NEAR(over_gradient(large_network(), 4000), 1.87, 0.005);
  EXPECT_NEAR(over_gradient(network("500", 784), 100), 1.15, 0.005);
  EXPECT_NEAR(over_gradient(network("500", 784), 1000), 2.06, 0.005);
  EXPECT_NEAR(over_gradient(network("500", 784), 6000), 1.63, 0.005);
  EXPECT_NEAR(over_gradient(network("300,300,300,300,300,300", 784), 100), 1.18, 0.005);
  EXPECT_NEAR(over_gradient(network("512,512", 3072), 500), 1.42, 0.005);
}

double bytes(const MapShape& layer, Form form, Index batch) {
  return semi_implicit_cost(form, {layer, true, {batch, 4, carry}}, flops_alone()).bytes_reduced;
}

TEST(CostModel, GatheringMovesLessThanReducingUpToTheBreakEven) {
  // M* = 2(n(n+1)/2 + no)/(n+o)
  const MapShape small{784, 500, Activation::relu};
  EXPECT_LT(bytes(small, Form::dual, 1091), bytes(small, Form::normal, 1091));
  EXPECT_GT(bytes(small, Form::dual, 1092), bytes(small, Form::normal, 1092));
  const MapShape large{3072, 4000, Activation::relu};
  EXPECT_LT(bytes(large, Form::dual, 4811), bytes(large, Form::normal, 4811));
  EXPECT_GT(bytes(large, Form::dual, 4812), bytes(large, Form::normal, 4812));
}

TEST(CostModel, ReducesAGradientAsLargeAsTheWeights) {
  const MapShape layer{784, 500, Activation::relu};
  const auto gradient_bytes = [&](int ranks) {
    return gradient_cost({layer, true, {100, ranks, carry}}, flops_alone()).bytes_reduced;
  };
  EXPECT_EQ(gradient_bytes(4), 785.0 * 500.0 * sizeof(Real));
  EXPECT_EQ(gradient_bytes(1), 0);
}

TEST(CostModel, CountsEveryConjugateGradientStep) {
  const MapShape layer{784, 500, Activation::relu};
  const LayerInStep step{layer, true, {100, 4, carry}};
  const LayerCost gradient = gradient_cost(step, flops_alone());
  const LayerCost iterative = gradient_cost(step, flops_alone(), 3);
  EXPECT_EQ(iterative.flops_network, gradient.flops_network);
  EXPECT_EQ(iterative.flops_update, 7 * gradient.flops_update);
  EXPECT_EQ(iterative.bytes_reduced, 4 * gradient.bytes_reduced);
  const LayerCost published = published_cost(step, flops_alone());
  const double element_wise = 6.0 * 5 * (3 + 15) * 500 * 25;
  EXPECT_EQ(published.flops_update, 2.0 * 500 * 25 * (785 + 10 * 784 + 10) + element_wise);
  EXPECT_EQ(published.bytes_reduced, 5 * gradient.bytes_reduced);
}

TEST(CostModel, MoreSamplesTakeLonger) {
  const NetworkSpec spec = large_network();
  const MachineRates rates = rates_on(MachineRates::uniform(1e11, 0, 1), {1e-6, 1e10}, 4);
  for (const Form form : forms_on(4, true)) {
    double before = 0;
    for (const Index batch : {16, 100, 500, 2000, 10000}) {
      const double seconds =
          predict_step(spec, {batch, 4, carry}, rates, std::vector<Form>(spec.maps.size(), form)).seconds();
      EXPECT_GT(seconds, before) << name_of(form) << ", batch " << batch;
      before = seconds;
    }
  }
}

TEST(CostModel, ChosenFormsAreNoSlowerThanAnyOne) {
  const NetworkSpec spec = large_network();
  const MachineRates rates = rates_on(MachineRates::uniform(1e11, 0, 1), {1e-6, 1e10}, 8);
  for (const Index batch : {100, 1000, 4000, 20000}) {
    const double chosen = predict_step(spec, {batch, 8, carry}, rates).seconds();
    for (const Form form : forms_on(8, true)) {
      EXPECT_LE(chosen, predict_step(spec, {batch, 8, carry}, rates, std::vector<Form>(4, form)).seconds());
    }
  }
}

TEST(CostModel, SmallBatchesAreSolvedInSampleSpaceAndLargeOnesByNormalEquations) {
  const NetworkSpec spec = network("500", 784);
  const std::vector<Form> dual(2, Form::dual);
  const std::vector<Form> normal(2, Form::normal);
  EXPECT_EQ(predict_step(spec, {100, 1, carry}, flops_alone()).plan.forms, dual);
  EXPECT_EQ(predict_step(spec, {6000, 1, carry}, flops_alone()).plan.forms, normal);
}

TEST(NominalRates, ChooseFormsByBatchAndByWhatJoinsTheRanks) {
  const auto chosen = [](const NetworkSpec& spec, Index batch, const MachineKind& kind) {
    return choose_forms(spec, {batch, kind.ranks, carry}, nominal_rates(kind), forms_on(kind.ranks, true));
  };
  const NetworkSpec mnist = network("500", 784);
  EXPECT_EQ(chosen(mnist, 100, {}), std::vector(2, Form::dual));
  EXPECT_EQ(chosen(mnist, 20000, {}), std::vector(2, Form::normal));
  // Where messages are dear, those of dual's two gathers are fewer and shorter than those of a system of normal
  // equations; where ranks share memory, work is worth splitting.
  const NetworkSpec large = large_network();
  EXPECT_EQ(chosen(large, 500, {.ranks = 2, .shares_memory = true}), std::vector(4, Form::dual_split));
  for (const bool several_nodes : {false, true})
    EXPECT_NE(chosen(large, 100, {.ranks = 16, .several_nodes = several_nodes}), std::vector(4, Form::normal));
}

TEST(NominalRates, AreHigherWithThreadsAndGpusAndLowerOverNodes) {
  const MachineRates one = nominal_rates({.ranks = 2});
  EXPECT_GT(nominal_rates({.ranks = 2, .threads = 4}).gemm[2], one.gemm[2]);
  EXPECT_GT(nominal_rates({.ranks = 2, .has_gpus = true}).gemm[4], one.gemm[4]);
  EXPECT_GT(nominal_rates({.ranks = 2, .shares_memory = true}).reduce_bytes, one.reduce_bytes);
  EXPECT_TRUE(nominal_rates({.ranks = 2, .shares_memory = true}).shares_memory);
  for (const bool has_gpus : {false, true}) {
    const MachineRates near = nominal_rates({.ranks = 16, .has_gpus = has_gpus});
    const MachineRates far = nominal_rates({.ranks = 16, .has_gpus = has_gpus, .several_nodes = true});
    EXPECT_LE(near.latency_seconds, far.latency_seconds);
    EXPECT_EQ(near.gemm, far.gemm);
  }
}

TEST(StepPrediction, TheInterconnectIsThatOfTheMeasurement) {
  const Interconnect given{2e-6, 5e9};
  for (const int ranks : {2, 3, 8, 1024}) {
    const Interconnect found = interconnect_of(rates_on(MachineRates::uniform(1, 0, 1), given, ranks), ranks);
    EXPECT_DOUBLE_EQ(found.latency_seconds, given.latency_seconds);
    EXPECT_DOUBLE_EQ(found.bandwidth_bytes, given.bandwidth_bytes);
  }
  EXPECT_THROW(interconnect_of(MachineRates{}, 1), Error);
}

TEST(StepPrediction, AnAllReduceOverMoreRanksIsNoFaster) {
  MachineRates before = rates_on(MachineRates::uniform(1, 0, 1), {1e-6, 1e9}, 2);
  EXPECT_DOUBLE_EQ(before.reduce_bytes, 1e9);  // each of two sends all of it once
  for (int ranks = 4; ranks <= 4096; ranks *= 2) {
    const MachineRates rates = rates_on(before, {1e-6, 1e9}, ranks);
    EXPECT_GT(rates.latency_seconds, before.latency_seconds);
    EXPECT_LT(rates.reduce_bytes, before.reduce_bytes);
    before = rates;
  }
}

TEST(StepPrediction, WhatOneRankTakesOrSendsAllGoesOverItsLink) {
  const StepShape shape{.ranks = 2};
  const MachineRates rates = rates_on(MachineRates::uniform(1, 0, 1), {0, 1e9}, 2);
  Tally scattered(shape, rates);
  Tally rooted(shape, rates);
  scattered.reduce_scatter(1e6);
  rooted.reduce(1e6);
  EXPECT_DOUBLE_EQ(scattered.seconds_communication, 2e-3);  // each of two sends half of 4 MB
  EXPECT_DOUBLE_EQ(rooted.seconds_communication, 4e-3);
  EXPECT_EQ(rooted.bytes, scattered.bytes);
  EXPECT_NEAR(rates_on(rates, {0, 1e9}, 1024).rooted_share, 1, 1e-3);
  EXPECT_DOUBLE_EQ(rates_on(rates, {0, 1e9, 1e11}, 16, 8).rooted_share, 2);  // two nodes
}

TEST(MachineRates, AreSlowedInTheirWorkAlone) {
  MachineRates rates = MachineRates::uniform(6, 2, 3);
  const MachineRates slower = rates.slowed(3);
  EXPECT_DOUBLE_EQ(slower.gemm[0], 2);
  EXPECT_DOUBLE_EQ(slower.solve[4], 2);
  EXPECT_DOUBLE_EQ(slower.memory_bytes, 2);
  EXPECT_DOUBLE_EQ(slower.reduce_bytes, rates.reduce_bytes);
  EXPECT_DOUBLE_EQ(slower.latency_seconds, rates.latency_seconds);
}

TEST(StepPrediction, LayersWithoutAMapReadAndWriteMemoryAndNormsSendMessages) {
  const auto predicted = [](const char* layers, int ranks) {
    const NetworkSpec spec = parse_network(layers, TensorShape{8, 8, 3}, Loss::softmax_cross_entropy, Activation::relu);
    MachineRates rates = MachineRates::uniform(1e9, 1e-6, 1e9);
    rates.memory_bytes = 1e6;
    return predict_step(spec, {100, ranks}, rates, std::vector<Form>(2, Form::normal)).cost;
  };
  for (const int ranks : {1, 3}) {
    const LayerCost without = predicted("conv(4,3) meanpool dense(10)", ranks);
    const LayerCost with = predicted("conv(4,3) norm meanpool dense(10)", ranks);
    const double elements = 10.0 * 8 * 8 * 4 * std::ceil(100.0 / ranks);
    EXPECT_NEAR(with.seconds_network - without.seconds_network, elements * sizeof(Real) / 1e6, 1e-9);
    EXPECT_NEAR(with.seconds_communication - without.seconds_communication, ranks == 1 ? 0 : 2e-6, 1e-12);
    EXPECT_EQ(with.flops(), without.flops());
    EXPECT_EQ(with.bytes_reduced, without.bytes_reduced);
  }
}

TEST(StepPrediction, OneFormPerLayerIsNeeded) {
  EXPECT_THROW(predict_step(network("500", 784), {100, 1, carry}, flops_alone(), {Form::dual}), Error);
}

}  // namespace
}  // namespace sibp
