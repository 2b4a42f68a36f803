// The other methods on convolutional networks, on any number of ranks, against dense references in double: patches in
// one matrix.
#include "sibp/update/methods.hpp"

#include "support/named_method.hpp"
#include "support/reference_network.hpp"
#include "support/reference_optimiser.hpp"
#include "support/small_conv_nets.hpp"
#include "support/step_fixture.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::Dense;
using naive::ReferenceNetwork;

struct OtherCase {
  const char* name;
  MethodOptions options;
  double rate;

  friend std::ostream& operator<<(std::ostream& out, const OtherCase& c) { return out << c.name; }
};

MethodOptions with(Method method, const std::function<void(MethodOptions&)>& change = {}) {
  MethodOptions options = default_options(method);
  options.forms = {Form::normal};
  options.weight_decay = 0.05;
  if (change) change(options);
  return settled(options, parse_small(small_conv_nets[0]));
}

class ConvNetMethods : public testing::TestWithParam<std::tuple<const char*, OtherCase>> {};

INSTANTIATE_TEST_SUITE_P(
    Methods, ConvNetMethods,
    testing::Combine(
        testing::ValuesIn(small_conv_nets),
        testing::Values(OtherCase{"sgd", with(Method::sgd), 0.2},
                        OtherCase{"adam", with(Method::adam, [](auto& o) { o.epsilon = 1e-3; }), 0.01},
                        OtherCase{"adamw", with(named_method("adamw"), [](auto& o) { o.epsilon = 1e-3; }), 0.01},
                        OtherCase{"muon", with(named_method("muon"), [](auto& o) { o.epsilon = 1e-3; }), 0.2},
                        OtherCase{"proxprop", with(Method::proxprop), 0.5},
                        OtherCase{"proxprop, cg",
                                  with(Method::proxprop,
                                       [](auto& o) {
                                         o.cg_steps = 3;
                                         o.tau = 2;
                                       }),
                                  0.5})));

TEST_P(ConvNetMethods, AreTheReferenceStepByStepOnAnyNumberOfRanks) {
  const auto& [text, c] = GetParam();
  const NetworkSpec spec = parse_small(text);
  const auto maps = toy_weights(spec, 21);
  const auto scales = toy_scales(spec, 31);
  std::vector<Dense> start = maps;
  start.insert(start.end(), scales.begin(), scales.end());
  RankOfStep rank(make_mpi_communicator(), spec, maps, 40, [&, &c = c](const auto& context, const auto& network) {
    return make_update_rule(context, network, c.options, {40, 40});
  });
  set_parameters(rank.device(), rank.network(), ParameterRole::scales, scales);
  naive::ReferenceOptimiser reference{.spec = spec, .weights = start, .options = c.options, .rate = c.rate};
  for (const Index samples : {11, 2, 7}) {
    const ToyBatch batch = toy_batch(spec.inputs(), small_classes, samples, 100 + static_cast<std::uint64_t>(samples));
    rank.step(batch, c.rate);
    const auto middle = reference.weights.begin() + std::ssize(maps);
    ReferenceNetwork network{spec, {reference.weights.begin(), middle}, {middle, reference.weights.end()}};
    std::vector<Dense> gradients(start.size());
    std::vector<Dense> inputs(maps.size());
    network.forward(batch.inputs);
    network.backward(
        batch.labels,
        [&](std::size_t i, const Dense& p, const Dense& s) {
          gradients[i] = product(s, naive::transpose(p));
          inputs[i] = p;
        },
        [&](std::size_t i, const Dense& hat, const Dense& s) {
          gradients[maps.size() + i] = network.gradient_of_scales(i, hat, s);
        });
    reference.apply(gradients, inputs, samples);
    auto found = parameters_of(rank.device(), rank.network(), ParameterRole::weights);
    for (auto& each : parameters_of(rank.device(), rank.network(), ParameterRole::scales)) found.push_back(each);
    for (std::size_t i = 0; i < start.size(); ++i)
      EXPECT_LT(change_error(found[i], reference.weights[i], start[i]), 10 * rounding)
          << "parameter " << i << " after step " << reference.steps;
  }
}

}  // namespace
}  // namespace sibp
