// Limits that the proximal update must have, whatever computes it.
#include "sibp/comm/agreement.hpp"

#include "support/reference_step.hpp"
#include "support/step_fixture.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::Dense;

class Limits : public testing::TestWithParam<Form> {
 protected:
  std::vector<Dense> after_one_step(const NetworkSpec& spec, const ToyBatch& batch, const Damping& damping,
                                    double eta) {
    RankOfStep rank(make_mpi_communicator(), spec, start(spec), batch.inputs.cols,
                    [&](const auto& context, const auto& net) {
                      return make_semi_implicit(context, net, {damping, Carry::new_weights, {GetParam()}, {40, 40}});
                    });
    rank.step(batch, eta);
    return rank.weights();
  }
  static std::vector<Dense> start(const NetworkSpec& spec) { return toy_weights(spec, 3); }

  NetworkSpec spec_ = parse_network("dense(5,relu) dense(3)", 6, Loss::softmax_cross_entropy, {});
  ToyBatch batch_ = toy_batch(6, 3, 30, 8);
};

INSTANTIATE_TEST_SUITE_P(Forms, Limits, testing::ValuesIn(all_forms()));

TEST_P(Limits, EtaZeroChangesNothing) {
  const auto weights = after_one_step(spec_, batch_, {Damping::Kind::relative, 1}, 0);
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_EQ(weights[i].values, start(spec_)[i].values);
}

TEST_P(Limits, InfiniteDampingLeavesTheWeights) {
  const auto weights = after_one_step(spec_, batch_, {Damping::Kind::absolute, 1e30}, 1);
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_EQ(weights[i].values, start(spec_)[i].values);
}

TEST_P(Limits, NoDampingIsLeastSquares) {
  // One linear layer, squared error, η = 1: the target of the pre-activations is Y itself, so one step from any start
  // reaches the least-squares solution of Ŵ F̂ = Y.
  const NetworkSpec linear = parse_network("dense(3)", 6, Loss::squared_error, {});
  // K = F̂ᵀ F̂ of 30 samples in 7 dimensions is singular: in float the forms that have it need λ well above its rounding.
  const bool dual_in_float = sizeof(Real) == 4 && !has_gram(GetParam());
  const double lambda = dual_in_float ? 1e-3 : 1e-7;
  const auto weights = after_one_step(linear, batch_, {Damping::Kind::absolute, lambda}, 1);
  const Dense features = naive::ReferenceStep::with_ones(batch_.inputs);
  Dense one_hot(3, batch_.inputs.cols);
  for (Index j = 0; j < one_hot.cols; ++j) one_hot(batch_.labels[static_cast<std::size_t>(j)], j) = 1;
  const Dense expected = naive::transpose(naive::solve(naive::product(features, naive::transpose(features)),
                                                       naive::product(features, naive::transpose(one_hot))));
  EXPECT_LT(naive::relative_difference(weights[0], expected), dual_in_float ? 1e-2 : sizeof(Real) == 4 ? 1e-4 : 1e-6);
}

TEST_P(Limits, AnIndefiniteSystemEndsEveryRankAlikeAndNamesTheLayer) {
  // A negative absolute weight far below the spectrum: A + λI is not positive definite.
  try {
    after_one_step(spec_, batch_, {Damping::Kind::absolute, -1e6}, 1);
    ADD_FAILURE() << "expected an error";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.status(), ExitStatus::diverged);
    EXPECT_NE(std::string(error.what()).find("layer 1"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("`damping`"), std::string::npos) << error.what();
  }
}

TEST_P(Limits, ANonFiniteLossEndsEveryRankAlike) {
  batch_.inputs(0, 7) = std::numeric_limits<double>::quiet_NaN();  // on one rank only
  try {
    after_one_step(parse_network("dense(3)", 6, Loss::softmax_cross_entropy, {}), batch_, {}, 1);
    ADD_FAILURE() << "expected an error";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.status(), ExitStatus::diverged);
    EXPECT_NE(std::string(error.what()).find("loss is not finite"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace sibp
