// Averaged weights: the formula, and what a training with them does.
#include "support/naive.hpp"
#include "support/training_fixture.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

using namespace testing_support;

TEST(AveragedWeights, FollowTheWeightsByTheFormula) {
  const auto device = make_cpu_device(1);
  const NetworkSpec spec = parse_network("dense(2,relu) dense(3)", 4, Loss::softmax_cross_entropy, {});
  Network network = make_network(*device, spec, {}, 1);
  const HostWeights start = download_weights(*device, network);
  AveragedWeights average(*device, network, 0.5);
  auto expected = static_cast<double>(start[0][0]);
  for (int t = 1; t <= 20; ++t) {
    for (Parameter& parameter : network.parameters) device->fill(parameter.matrix.view(), static_cast<Real>(t));
    average.add();
    const double beta = std::min(0.5, (1.0 + t) / (10.0 + t));
    expected = beta * expected + (1 - beta) * t;
  }
  average.exchange();
  EXPECT_NEAR(static_cast<double>(download_weights(*device, network)[0][0]), expected, 1e-5);
  average.exchange();
  for (const auto& weights : download_weights(*device, network))
    EXPECT_TRUE(std::ranges::all_of(weights, [](Real value) { return value == Real(20); }));
}

class Averaging : public TrainingTest {};

TEST_F(Averaging, ChangesNothingButTheRecords) {
  const Outcome plain = run({});
  options_.method.average = 0.9;
  const Outcome averaged = run({});
  EXPECT_EQ(averaged.weights, plain.weights);
  const auto with_averages = nlohmann::json::parse(averaged.records.back());
  EXPECT_TRUE(with_averages.contains("validation_average_loss"));
  EXPECT_NE(with_averages["test_average_loss"], with_averages["test_loss"]);
  EXPECT_FALSE(nlohmann::json::parse(plain.records.back()).contains("test_average_loss"));
}

TEST_F(Averaging, WithTheLastStepAloneIsTheTraining) {
  use_conv_net();
  options_.method.average = 1e-9;
  const auto record = nlohmann::json::parse(run({}).records.back());
  EXPECT_NEAR(record["test_average_loss"], record["test_loss"], 1e-5);
  EXPECT_EQ(record["validation_average_accuracy"], record["validation_accuracy"]);
}

}  // namespace
}  // namespace sibp
