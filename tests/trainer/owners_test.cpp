// Trainings in which a layer's system has an owner, against those of one rank.
#include "support/training_fixture.hpp"

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing_support::conv_net;
using testing_support::sibp_of_conv_net;

struct Case {
  std::string_view name;
  bool is_conv_net = false;
  bool owner_solves = false;
  MethodOptions method{};
};

MethodOptions of_chain(Form form, const GramRefresh& refresh, Carry carry = Carry::new_weights) {
  MethodOptions method;
  method.forms = {form};
  method.refresh = refresh;
  method.carry = carry;
  return method;
}

MethodOptions of_conv_net(StepRule::Kind rule, bool lags) {
  MethodOptions method = sibp_of_conv_net();
  method.step = {rule, 0.1};
  method.refresh.lags = method.convolution.refresh.lags = lags;
  method.staggers = lags;
  return method;
}

std::vector<Case> cases() {
  MethodOptions staggered = of_chain(Form::normal, {.every = 3, .burn_in = 2}, Carry::old_weights);
  staggered.staggers = true;
  return {{"every step", false, false, of_chain(Form::normal, {})},
          {"every step, the owner solves", false, true, of_chain(Form::normal, {})},
          {"staggered, the owner solves", false, true, staggered},
          {"staggered", false, false, staggered},
          {"with a lag", false, false, of_chain(Form::activations, {.every = 2, .burn_in = 3, .lags = true})},
          {"relative steps", true, false, of_conv_net(StepRule::Kind::relative, false)},
          {"relative steps with a lag, the owner solves", true, true, of_conv_net(StepRule::Kind::relative, true)},
          {"spectral steps", true, false, of_conv_net(StepRule::Kind::spectral, false)},
          {"steps of Newton-Muon with a lag", true, false, of_conv_net(StepRule::Kind::newton_muon, true)}};
}

class OwnedSystems : public testing_support::TrainingTest {
 protected:
  OwnedSystems() { options_.logical_shards = 17; }

  void use(const Case& training) {
    text_ = training.is_conv_net ? conv_net : std::string_view("dense(9) dense(6) dense(5)");
    data_.synthetic_shape = training.is_conv_net ? std::optional(TensorShape{7, 6, 2}) : std::nullopt;
    options_.method = training.method;
    owner_solves_ = training.owner_solves;
  }

  [[nodiscard]] NetworkSpec spec() const {
    return parse_network(text_, open_dataset(data_).shape, Loss::softmax_cross_entropy, Activation::relu);
  }

  /// Every map's system has an owner, several maps the same one; none where there is one rank.
  void deal_to(int ranks) {
    options_.method.places.clear();
    if (ranks == 1) return;
    for (std::size_t i = 0; i < spec().maps.size(); ++i)
      options_.method.places.push_back({(ranks - 1 + 2 * static_cast<int>(i)) % ranks, owner_solves_});
  }

  Outcome run_on(const Communicator& ranks, const std::filesystem::path& folder = {}) {
    world_ = ranks;
    deal_to(ranks.size());
    return run(folder);
  }

  static void expect_near(const Outcome& many, const Outcome& one) {
    for (std::size_t i = 0; i < one.weights.size(); ++i) {
      double error = 0;
      double size = 0;
      for (std::size_t k = 0; k < one.weights[i].size(); ++k) {
        error += std::pow(many.weights[i][k] - one.weights[i][k], 2);
        size += std::pow(one.weights[i][k], 2);
      }
      EXPECT_LE(std::sqrt(error), (sizeof(Real) == 4 ? 1e-3 : 1e-10) * std::sqrt(size)) << "layer " << i + 1;
    }
  }

  void expect_equal_replicas(const Outcome& outcome) const {
    for (const std::vector<Real>& weights : outcome.weights) {
      std::vector<Real> root = weights;
      all_.broadcast(std::span(root));
      EXPECT_EQ(std::memcmp(root.data(), weights.data(), root.size() * sizeof(Real)), 0);
    }
  }

  bool owner_solves_ = false;
};

TEST_F(OwnedSystems, ManyRanksAreOneRank) {
  for (const Case& training : cases()) {
    SCOPED_TRACE(training.name);
    use(training);
    const Outcome many = run_on(all_);
    expect_equal_replicas(many);
    expect_near(many, run_on(make_self_communicator()));
  }
}

TEST_F(OwnedSystems, StoppedInACycleTheTrainingGoesOnOnAnyNumberOfRanks) {
  for (const Case& training : cases()) {
    if (!training.method.staggers) continue;
    SCOPED_TRACE(training.name);
    use(training);
    const Outcome whole = run_on(all_);
    const auto folder = path_ / training.name;
    const Outcome stopped = run_until(folder, 7);
    const auto alone = path_ / fmt::format("{} alone {}", training.name, all_.rank());
    std::filesystem::copy(folder, alone,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    all_.barrier();
    expect_same(run_on(all_, folder), whole, stopped.records);
    const Outcome one = run_on(make_self_communicator(), alone);
    expect_near(one, whole);
    all_.barrier();
  }
}

TEST_F(OwnedSystems, StaggeredLayersAreAnotherTraining) {
  use(cases()[3]);
  const Outcome staggered = run_on(all_);
  options_.method.staggers = false;
  EXPECT_NE(run_on(all_).weights, staggered.weights);
}

}  // namespace
}  // namespace sibp
