// The published method on 1 to 4 ranks against an independent reference of the whole procedure, where its rare rules
// are at work too: a hidden layer's search that passes with the full step, and an accepted exponent of 0, which moves
// nothing.
#include "sibp/update/methods.hpp"

#include "support/reference_published.hpp"
#include "support/step_fixture.hpp"
#include "update/published_search.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::ReferencePublished;
using naive::SearchRecord;

const double tolerance = sizeof(Real) == 4 ? 2e-3 : 1e-9;

struct Case {
  const char* name;
  const char* network;
  double scale;  ///< of the inputs: small ones make the full step a good one
  Index samples;
  double lambda;
};

class Published : public testing::TestWithParam<Case> {};

/// Steps of library and reference, compared after each; the reference's searches.
std::vector<SearchRecord> compare(const Case& c, int steps) {
  const NetworkSpec spec = parse_network(c.network, 6, Loss::softmax_cross_entropy, {});
  const auto start = toy_weights(spec, 21);
  MethodOptions options = default_options(Method::published);
  options.damping->value = c.lambda;
  RankOfStep rank(make_mpi_communicator(), spec, start, 40, [&](const auto& context, const auto& net) {
    return make_update_rule(context, net, options, {64, 64});
  });
  ReferencePublished reference{.spec = spec, .weights = start, .lambda = c.lambda};
  for (int step = 0; step < steps; ++step) {
    ToyBatch batch = toy_batch(6, 3, c.samples, 100 + static_cast<std::uint64_t>(step));
    for (double& value : batch.inputs.values) value = static_cast<float>(c.scale * value);
    rank.step(batch, 0.1);
    reference.run(batch.inputs, batch.labels);
    const auto weights = rank.weights();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      EXPECT_LT(change_error(weights[i], reference.weights[i], start[i]), tolerance)
          << "layer " << i + 1 << " after step " << step + 1;
    }
  }
  return reference.searches;
}

TEST_P(Published, IsTheReferenceOnAnyNumberOfRanks) {
  compare(GetParam(), 3);
}

INSTANTIATE_TEST_SUITE_P(Settings, Published,
                         testing::Values(Case{"usual", "dense(7,relu) dense(3)", 1, 23, 1},
                                         Case{"deep", "dense(7,relu) dense(5,relu) dense(4,relu) dense(3)", 1, 11, 1},
                                         Case{"linear", "dense(3)", 1, 11, 0.5},
                                         Case{"smooth", "dense(7,tanh) dense(5,sigmoid) dense(3)", 1, 11, 2},
                                         Case{"fewSamples", "dense(7,relu) dense(3)", 1, 2, 1},
                                         Case{"smallInputs", "dense(7,relu) dense(3)", 0.1, 5, 0.01}),
                         [](const auto& parameters) { return parameters.param.name; });

TEST(PublishedRules, AHiddenSearchThatPassesWithTheFullStepTakesTheGuess) {
  const auto searches = compare({"", "dense(7,relu) dense(3)", 0.1, 5, 0.01}, 2);
  EXPECT_TRUE(std::ranges::any_of(
      searches, [](const SearchRecord& s) { return !s.is_last && s.full_step_passed && s.exponent > 0; }));
}

TEST(PublishedRules, AnAcceptedExponentOfZeroMovesNothing) {
  const auto searches = compare({"", "dense(3)", 0.1, 3, 0.01}, 1);
  EXPECT_TRUE(std::ranges::any_of(searches, [](const SearchRecord& s) { return s.is_last && s.exponent == 0; }));
  const auto hidden = compare({"", "dense(7,relu) dense(3)", 0.01, 3, 0.01}, 1);
  EXPECT_TRUE(std::ranges::any_of(
      hidden, [](const SearchRecord& s) { return !s.is_last && s.full_step_passed && s.exponent == 0; }));
}

/// Objectives of which exactly the given exponents pass.
class Search : public testing::Test {
 protected:
  PublishedSearch with_passing(std::initializer_list<int> passing, double descent = -10) {
    return {.descent = descent,
            .change = [passing = std::set<int>(passing)](int m) { return passing.contains(m) ? -1e9 : 1e9; }};
  }
};

TEST_F(Search, OfTheLastLayerTakesTheFirstThatPasses) {
  EXPECT_EQ(with_passing({0, 3}).first_passing(), 0);
  EXPECT_EQ(with_passing({3, 4}).first_passing(), 3);
  EXPECT_EQ(with_passing({49}).first_passing(), 49);
  EXPECT_EQ(with_passing({}).first_passing(), std::nullopt);
}

TEST_F(Search, OfHiddenLayersGuesses) {
  // m₀ = ⌊log(0.01 · 1 / |0.1 · −10|) / log 0.6⌋ = ⌊9.015⌋ = 9
  EXPECT_EQ(with_passing({0}).guessed(1), 9);
  EXPECT_EQ(with_passing({9, 10, 12}).guessed(1), 10);  // after a failure of the full step m₀ itself is passed over
  EXPECT_EQ(with_passing({3, 9}).guessed(1), std::nullopt);
  EXPECT_EQ(with_passing({0}, -0.01).guessed(1), 0);  // ⌊−4.5⌋ is below 0
  EXPECT_EQ(with_passing({1}, -0.01).guessed(1), 1);
  EXPECT_EQ(with_passing({0}, 0).guessed(1), 0);
  EXPECT_EQ(with_passing({0}, -10).guessed(1e-30), std::nullopt);  // beyond 50
  EXPECT_EQ(with_passing({0}, -10).guessed(0), std::nullopt);
}

TEST(PublishedRules, RelativeDampingIsRefused) {
  MethodOptions options = default_options(Method::published);
  options.damping->kind = Damping::Kind::relative;
  const NetworkSpec spec = parse_network("dense(3)", 6, Loss::softmax_cross_entropy, {});
  EXPECT_THROW(RankOfStep(make_mpi_communicator(), spec, toy_weights(spec, 1), 4,
                          [&](const auto& context, const auto& net) {
                            return make_update_rule(context, net, options, {64, 64});
                          }),
               Error);
}

}  // namespace
}  // namespace sibp
