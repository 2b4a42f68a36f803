// A Gram matrix that is a running mean over batches and kept for several steps, against the reference in double.
#include "support/reference_step.hpp"
#include "support/step_fixture.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;

const double tolerance = sizeof(Real) == 4 ? 5e-4 : 1e-10;

struct Case {
  Form form;
  Carry carry;
  GramRefresh refresh;
  bool owner_solves = false;
};

constexpr Damping relative{Damping::Kind::relative, 2};
constexpr Damping absolute{Damping::Kind::absolute, 3};

class KeptGram : public testing::TestWithParam<Case> {};

TEST_P(KeptGram, IsTheReferenceOnAnyNumberOfRanks) {
  const auto& [form, carry, refresh, solves] = GetParam();
  const NetworkSpec spec = parse_network("dense(5,relu) dense(4,tanh) dense(3)", 6, Loss::softmax_cross_entropy, {});
  const auto start = toy_weights(spec, 21);
  const Damping damping{Damping::Kind::relative, 1};
  RankOfStep rank(make_mpi_communicator(), spec, start, 40,
                  [&, form = form, carry = carry, &refresh = refresh](const auto& context, const auto& network) {
                    return make_semi_implicit(context, network, {damping, carry, {form}, {40, 40}, refresh});
                  });
  naive::ReferenceStep reference{
      .spec = spec, .weights = start, .eta = 0.5, .damping = damping, .carry = carry, .refresh = refresh};
  for (std::uint64_t step = 0; step < 9; ++step) {
    const Index samples = step == 5 ? 7 : 23;  // a shorter batch, as at the end of an epoch
    const ToyBatch batch = toy_batch(6, 3, samples, 100 + step);
    rank.step(batch, 0.5);
    reference.run(batch.inputs, batch.labels);
    const auto weights = rank.weights();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      EXPECT_LT(change_error(weights[i], reference.weights[i], start[i]), tolerance)
          << "layer " << i + 1 << " after step " << step + 1;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Refreshes, KeptGram,
                         testing::Values(Case{Form::normal, Carry::new_weights, {3, 0.9, 2, relative}, true},
                                         Case{Form::normal, Carry::old_weights, {4, 0.5, 0, absolute}},
                                         Case{Form::activations, Carry::new_weights, {2, 0.8, 3, absolute}},
                                         Case{Form::activations, Carry::old_weights, {20, 0.9, 4, relative}},
                                         Case{Form::normal, Carry::new_weights, {1, 0.9, 0, relative, true}},
                                         Case{Form::normal, Carry::old_weights, {3, 0.8, 2, absolute, true}, true},
                                         Case{Form::activations, Carry::new_weights, {2, 0.9, 0, relative, true}}));

TEST_P(KeptGram, IsTheSameWhereItHasAnOwner) {
  const GramRefresh& refresh = GetParam().refresh;
  const bool solves = GetParam().owner_solves;
  const NetworkSpec spec = parse_network("dense(5,relu) dense(4,tanh) dense(3)", 6, Loss::softmax_cross_entropy, {});
  const Communicator world = make_mpi_communicator();
  std::vector<SystemPlace> places(spec.maps.size());
  for (int i = 0; SystemPlace & place : places) place = {(++i * 2) % world.size(), solves};
  const auto start = toy_weights(spec, 21);
  const auto trained = [&](const std::vector<SystemPlace>& owners) {
    const auto make = [&](const UpdateContext& context, const NetworkSpec& network) {
      ProximalOptions options{{Damping::Kind::relative, 1}, GetParam().carry, {GetParam().form}, {40, 40}, refresh};
      options.places = owners;
      return make_semi_implicit(context, network, options);
    };
    RankOfStep rank(world, spec, start, 40, make);
    for (std::uint64_t step = 0; step < 9; ++step) rank.step(toy_batch(6, 3, step == 5 ? 7 : 23, 100 + step), 0.5);
    return rank.weights();
  };
  const auto owned = trained(world.size() > 1 ? places : std::vector<SystemPlace>{});
  const auto all = trained({});
  for (std::size_t i = 0; i < start.size(); ++i)
    EXPECT_LT(change_error(owned[i], all[i], start[i]), tolerance) << "layer " << i + 1;
}

TEST(KeptGram, NeedsAFormThatHasOne) {
  const NetworkSpec spec = parse_network("dense(3)", 6, Loss::softmax_cross_entropy, {});
  for (const GramRefresh& refresh : {GramRefresh{.every = 2}, GramRefresh{.lags = true}}) {
    const auto make = [&](const auto& context, const auto& network) {
      return make_semi_implicit(context, network, {{}, Carry::new_weights, {Form::dual}, {40, 40}, refresh});
    };
    EXPECT_THROW(RankOfStep(make_mpi_communicator(), spec, toy_weights(spec, 1), 40, make), Error);
  }
}

}  // namespace
}  // namespace sibp
