// The methods beside the semi-implicit one, on 1 to 4 ranks, against independent references in double.
#include "sibp/update/methods.hpp"

#include "support/files.hpp"
#include "support/named_method.hpp"
#include "support/reference_optimiser.hpp"
#include "support/step_fixture.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::ReferenceOptimiser;

// Adam divides by the root of its second moment and so enlarges the rounding of small gradients.
const double tolerance = sizeof(Real) == 4 ? 1e-3 : 1e-10;

struct Case {
  const char* name;
  MethodOptions options;
  double rate;
};

MethodOptions with(Method method, const std::function<void(MethodOptions&)>& change = {},
                   Optimiser outer = Optimiser::sgd) {
  MethodOptions options = default_options(method, outer);
  options.forms = {Form::activations, Form::dual_split, Form::normal};  // of layers 1, 2 and 3
  if (change) change(options);
  return options;
}

class Methods : public testing::TestWithParam<Case> {
 protected:
  NetworkSpec spec_ = parse_network("dense(7,relu) dense(5,tanh) dense(3)", 6, Loss::softmax_cross_entropy, {});
  std::vector<naive::Dense> start_ = toy_weights(spec_, 21);
};

TEST_P(Methods, AreTheReferenceStepByStepOnAnyNumberOfRanks) {
  const Case& c = GetParam();
  RankOfStep rank(make_mpi_communicator(), spec_, start_, 40, [&](const auto& context, const auto& spec) {
    return make_update_rule(context, spec, c.options, {64, 64});
  });
  ReferenceOptimiser reference{.spec = spec_, .weights = start_, .options = c.options, .rate = c.rate};
  for (const Index samples : {11, 23, 2, 40, 11}) {  // on 3 and 4 ranks, 2 samples leave some without any
    const ToyBatch batch = toy_batch(6, 3, samples, 100 + static_cast<std::uint64_t>(reference.steps));
    rank.step(batch, c.rate);
    reference.run(batch.inputs, batch.labels);
    const auto weights = rank.weights();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      EXPECT_LT(change_error(weights[i], reference.weights[i], start_[i]), tolerance)
          << "layer " << i + 1 << " after step " << reference.steps;
    }
  }
}

/// Changes that several cases make.
void no_momentum(MethodOptions& o) {
  o.momentum = 0;
}
void nesterov(MethodOptions& o) {
  o.nesterov = true;
}
void decay(MethodOptions& o) {
  o.weight_decay = 0.1;
}
void nesterov_and_decay(MethodOptions& o) {
  nesterov(o);
  decay(o);
}
void other_betas(MethodOptions& o) {
  o.beta1 = 0.5;
  o.beta2 = 0.9;
  o.epsilon = 0.01;
}
void one_cg_step(MethodOptions& o) {
  o.cg_steps = 1;
}
void three_cg_steps(MethodOptions& o) {
  o.cg_steps = 3;
  o.tau = 2;
  o.weight_decay = 0.1;
}

INSTANTIATE_TEST_SUITE_P(
    Parameters, Methods,
    testing::Values(Case{"plain", with(Method::sgd, no_momentum), 0.5}, Case{"momentum", with(Method::sgd), 0.2},
                    Case{"nesterov", with(Method::sgd, nesterov), 0.2}, Case{"decay", with(Method::sgd, decay), 0.2},
                    Case{"nesterovAndDecay", with(Method::sgd, nesterov_and_decay), 0.2},
                    Case{"adam", with(Method::adam), 0.01}, Case{"adamBetas", with(Method::adam, other_betas), 0.05},
                    Case{"adamDecay", with(Method::adam, decay), 0.01},
                    Case{"adamw", with(named_method("adamw"), decay), 0.05},
                    Case{"muon", with(named_method("muon"), decay), 0.05}, Case{"proxprop", with(Method::proxprop), 1},
                    Case{"proxpropOneCgStep", with(Method::proxprop, one_cg_step), 1},
                    Case{"proxpropThreeCgSteps", with(Method::proxprop, three_cg_steps), 0.5},
                    Case{"proxpropAdam", with(Method::proxprop, {}, Optimiser::adam), 0.01},
                    Case{"proxpropThreeCgStepsAdam", with(Method::proxprop, three_cg_steps, Optimiser::adam), 0.01}),
    [](const auto& parameters) { return parameters.param.name; });

TEST(ProxProp, ExactSolutionIsTheLimitOfItsConjugateGradients) {
  const NetworkSpec spec = parse_network("dense(7,relu) dense(5,tanh) dense(3)", 6, Loss::softmax_cross_entropy, {});
  const auto start = toy_weights(spec, 21);
  const ToyBatch batch = toy_batch(6, 3, 23, 5);
  const auto weights_with = [&](Index cg_steps) {
    const MethodOptions options = with(Method::proxprop, [&](auto& o) {
      o.cg_steps = cg_steps;
      o.tau = 5;
    });
    RankOfStep rank(make_mpi_communicator(), spec, start, 40, [&](const auto& context, const auto& net) {
      return make_update_rule(context, net, options, {64, 64});
    });
    rank.step(batch, 1);
    return rank.weights();
  };
  const auto exact = weights_with(0);
  const auto few = weights_with(2);
  const auto many = weights_with(30);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_LT(change_error(many[i], exact[i], start[i]), sizeof(Real) == 4 ? 1e-4 : 1e-10) << "layer " << i + 1;
    const bool hidden = i + 1 < exact.size();
    EXPECT_EQ(change_error(few[i], exact[i], start[i]) > 1e-3, hidden) << "layer " << i + 1;
  }
}

}  // namespace
}  // namespace sibp
