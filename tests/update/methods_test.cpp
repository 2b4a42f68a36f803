// The methods beside the semi-implicit one, on 1 to 4 ranks, against independent references in double.
#include "sibp/update/methods.hpp"

#include "support/files.hpp"
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
  RankOfStep rank(make_mpi_communicator(), spec_, start_, 40,
                  [&](const auto& context, const auto& spec) { return make_update_rule(context, spec, c.options); });
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

INSTANTIATE_TEST_SUITE_P(Parameters, Methods,
                         testing::Values(Case{"plain", with(Method::sgd, [](auto& o) { o.momentum = 0; }), 0.5},
                                         Case{"momentum", with(Method::sgd), 0.2},
                                         Case{"nesterov", with(Method::sgd, [](auto& o) { o.nesterov = true; }), 0.2},
                                         Case{"decay", with(Method::sgd, [](auto& o) { o.weight_decay = 0.1; }), 0.2},
                                         Case{"nesterovDecay",
                                              with(Method::sgd,
                                                   [](auto& o) {
                                                     o.nesterov = true;
                                                     o.weight_decay = 0.1;
                                                   }),
                                              0.2},
                                         Case{"adam", with(Method::adam), 0.01},
                                         Case{"adamBetas",
                                              with(Method::adam,
                                                   [](auto& o) {
                                                     o.beta1 = 0.5;
                                                     o.beta2 = 0.9;
                                                     o.epsilon = 0.01;
                                                   }),
                                              0.05},
                                         Case{"adamDecay", with(Method::adam, [](auto& o) { o.weight_decay = 0.1; }),
                                              0.01}),
                         [](const auto& parameters) { return parameters.param.name; });

}  // namespace
}  // namespace sibp
