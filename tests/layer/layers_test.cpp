// Every kind of layer, forward and backward in whole networks, on any number of ranks against plain loops.
#include "sibp/layer/activation_plan.hpp"
#include "sibp/trainer/evaluation.hpp"

#include "support/gradients.hpp"
#include "support/random_networks.hpp"
#include "support/reference_network.hpp"
#include "support/step_fixture.hpp"

#include <ostream>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::Dense;
using naive::ReferenceNetwork;

struct Case {
  TensorShape input;
  const char* text;

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.text; }
};

NetworkSpec parse(const std::string& text, const TensorShape& input) {
  return parse_network(text, input, Loss::softmax_cross_entropy, Activation::relu);
}

/// A network with weights and scales that are nowhere 0, whose gradients are taken.
class RankOfGradients {
 public:
  RankOfGradients(const Communicator& communicator, const NetworkSpec& spec)
      : maps(toy_weights(spec, 3)),
        scales(toy_scales(spec, 50)),
        rank(communicator, spec, maps, 40, [this](const auto& context, const auto& network) {
          auto rule = std::make_unique<Gradients>(context, network);
          gradients = rule.get();
          return rule;
        }) {
    set(ParameterRole::scales, scales);
  }

  void set(ParameterRole role, const std::vector<Dense>& values) {
    set_parameters(rank.device(), rank.network(), role, values);
  }

  double loss_and_gradients(const ToyBatch& batch, Deal deal) {
    rank.load(batch, deal);
    return rank.repeat(batch.inputs.cols, 1).loss;
  }

  std::vector<Dense> maps;
  std::vector<Dense> scales;
  Gradients* gradients = nullptr;
  RankOfStep rank;
};

/// The gradients of the reference.
struct ReferenceGradients {
  ReferenceNetwork network;
  std::vector<Dense> of_maps;
  std::vector<Dense> of_scales;

  void run(const ToyBatch& batch) {
    of_maps.resize(network.maps.size());
    of_scales.resize(network.scales.size());
    network.forward(batch.inputs);
    network.backward(
        batch.labels,
        [&](std::size_t i, const Dense& inputs, const Dense& delta) {
          of_maps[i] = product(delta, naive::transpose(inputs));
        },
        [&](std::size_t i, const Dense& hat, const Dense& delta) {
          of_scales[i] = network.gradient_of_scales(i, hat, delta);
        });
  }
};

void expect_same(const std::vector<Dense>& found, const std::vector<Dense>& expected, double tolerance,
                 const char* what) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    double size = 0;
    for (const double value : expected[i].values) size = std::max(size, std::abs(value));
    for (std::size_t k = 0; k < found[i].values.size(); ++k)
      ASSERT_NEAR(found[i].values[k], expected[i].values[k], tolerance * (1 + size)) << what << " " << i;
  }
}

const double tolerance = sizeof(Real) == 4 ? 2e-4 : 1e-10;

void expect_gradients_of_the_reference(const NetworkSpec& spec, const ToyBatch& batch, std::span<const Deal> deals) {
  RankOfGradients rank(make_mpi_communicator(), spec);
  ReferenceGradients reference{{.spec = spec, .maps = rank.maps, .scales = rank.scales}, {}, {}};
  reference.run(batch);
  for (const Deal deal : deals) {
    const double loss = rank.loss_and_gradients(batch, deal);
    EXPECT_NEAR(loss, reference.network.loss, tolerance * (1 + loss));
    expect_same(rank.gradients->of_maps, reference.of_maps, tolerance, "gradient of map");
    expect_same(rank.gradients->of_scales, reference.of_scales, tolerance, "gradient of scales");
  }
}

class Layers : public testing::TestWithParam<Case> {
 protected:
  NetworkSpec spec_ = parse(GetParam().text, GetParam().input);
};

INSTANTIATE_TEST_SUITE_P(
    Kinds, Layers,
    testing::Values(
        // convolutions: odd sizes, strides, paddings, 1 × 1, one pixel, one channel
        Case{{5, 5, 3}, "conv(4,3) dense(3)"},
        Case{{5, 7, 3}, "conv(4,3,tanh) conv(2,3,stride=2,padding=0,leaky-relu) dense(3)"},
        Case{{6, 5, 2}, "conv(4,2,stride=3,sigmoid) dense(3)"}, Case{{6, 5, 2}, "conv(3,5,padding=4,tanh) dense(3)"},
        Case{{5, 4, 3}, "conv(5,1,sigmoid) conv(4,1,stride=2) dense(3)"}, Case{{1, 1, 4}, "conv(3,1,tanh) dense(3)"},
        Case{{1, 1, 4}, "conv(3,3,tanh) conv(3,1)"}, Case{{1, 9, 1}, "conv(1,3,tanh) conv(1,1,tanh) dense(3)"},
        // pooling, also of the inputs and before a dense layer
        Case{{7, 4, 1}, "conv(3,3,relu) maxpool(2) dense(3)"},
        Case{{7, 7, 2}, "maxpool(3,stride=2) conv(3,3,tanh) maxpool(2,stride=1) dense(3)"},
        Case{{6, 5, 2}, "meanpool(2,stride=1) conv(3,3,tanh) meanpool(3,stride=1) dense(3)"},
        Case{{6, 5, 2}, "conv(3,3,tanh) meanpool dense(3)"}, Case{{6, 5, 3}, "meanpool dense(3)"},
        // normalisation
        Case{{4, 3, 6}, "norm conv(4,3) norm(tanh) dense(3)"}, Case{{1, 1, 6}, "norm dense(5) norm(relu) dense(3)"},
        Case{{4, 3, 6}, "norm(group=2) conv(4,3) norm(group=4,tanh) norm(group=1) dense(3)"},
        Case{{1, 1, 1}, "conv(6,1) norm(group=3) conv(4,1) norm dense(3)"},
        Case{{4, 3, 6}, "norm(scale=fixed) conv(4,3) norm(scale=fixed,tanh) conv(4,3) norm(scale=fixed) gelu dense(3)"},
        Case{{4, 3, 6}, "norm(group=2,scale=fixed) conv(4,3) norm(scale=fixed,group=4,tanh) norm dense(3)"},
        // activations of their own
        Case{{3, 4, 2}, "gelu conv(4,3,gelu) gelu dense(4,gelu) dense(3)"},
        Case{{3, 4, 2}, "tanh conv(4,3) leaky-relu sigmoid dense(4) relu dense(3)"},
        // residuals
        Case{{4, 4, 3}, "conv(4,3) residual( conv(4,3) norm relu conv(4,3) norm ) relu meanpool dense(3)"},
        Case{{5, 4, 3}, "conv(4,3,relu) residual( conv(6,3,stride=2) norm relu ) dense(3)"},
        Case{{4, 4, 3}, "conv(4,3) residual( dense(6,tanh) ) dense(3)"},
        Case{{4, 4, 3}, "residual( residual( tanh ) sigmoid ) dense(3)"},
        Case{{4, 4, 3}, "conv(4,3) residual( residual( conv(4,1,tanh) ) norm(group=2) ) gelu maxpool(2) dense(3)"},
        Case{{4, 4, 3}, "residual( conv(3,3) norm ) conv(4,3) residual( relu ) sigmoid dense(3)"},
        Case{{4, 4, 3}, "conv(4,3) residual( maxpool(1) ) residual( conv(4,3) ) residual( gelu norm ) dense(3)"}));

TEST_P(Layers, AreThePlainLoopsOnAnyNumberOfRanks) {
  constexpr std::array deals{Deal{in_turn}, Deal{threes}, Deal{all_to_last}};
  expect_gradients_of_the_reference(spec_, toy_batch(spec_.inputs(), 3, 7, 5), deals);
}

/// In double on one rank, of every ninth part of each parameter.
void expect_gradients_of_finite_differences(const NetworkSpec& spec) {
  const ToyBatch batch = toy_batch(spec.inputs(), 3, 5, 5);
  RankOfGradients rank(make_self_communicator(), spec);
  (void)rank.loss_and_gradients(batch, in_turn);
  const std::vector<Dense> of_maps = rank.gradients->of_maps;
  const std::vector<Dense> of_scales = rank.gradients->of_scales;
  const auto expect_differences = [&](ParameterRole role, std::vector<Dense> values,
                                      const std::vector<Dense>& gradients) {
    for (std::size_t i = 0; i < values.size(); ++i)
      for (std::size_t k = 0; k < values[i].values.size(); k += 1 + values[i].values.size() / 9) {
        const double at = values[i].values[k];
        const auto loss_with = [&](double value) {
          values[i].values[k] = value;
          rank.set(role, values);
          return rank.loss_and_gradients(batch, in_turn);
        };
        const double h = 1e-6;
        const double slope = (loss_with(at + h) - loss_with(at - h)) / (2 * h);
        loss_with(at);
        EXPECT_NEAR(gradients[i].values[k], slope, 1e-6) << "element " << k << " of " << i;
      }
  };
  expect_differences(ParameterRole::weights, rank.maps, of_maps);
  expect_differences(ParameterRole::scales, rank.scales, of_scales);
}

bool is_one_rank_in_double() {
  return make_mpi_communicator().size() == 1 && sizeof(Real) == 8;
}

TEST_P(Layers, HaveTheGradientsOfFiniteDifferences) {
  if (is_one_rank_in_double()) expect_gradients_of_finite_differences(spec_);
}

TEST_P(Layers, TakeNoSamplesAtAll) {
  RankOfGradients rank(make_self_communicator(), spec_);
  const ToyBatch none{Dense(spec_.inputs(), 0), {}};
  EXPECT_EQ(rank.loss_and_gradients(none, in_turn), 0);
  for (const Dense& gradient : rank.gradients->of_maps)
    for (const double value : gradient.values) EXPECT_EQ(value, 0);
}

// Differences share memory, and layers work in place: whatever overwrote something that is needed would show here.
TEST(RandomNetworks, HaveTheGradientsOfTheReference) {
  constexpr std::array deals{Deal{in_turn}};
  const int networks = make_mpi_communicator().size() == 1 ? 60 : 4;
  for (int k = 0; k < networks; ++k) {
    const std::string text = testing_support::RandomNetworks(static_cast<std::uint64_t>(k), false).draw();
    SCOPED_TRACE(text);
    const NetworkSpec spec = parse(text, testing_support::RandomNetworks::input);
    expect_gradients_of_the_reference(spec, toy_batch(spec.inputs(), 3, 3, 5), deals);
  }
}

class DropoutLayers : public Layers {};

INSTANTIATE_TEST_SUITE_P(Networks, DropoutLayers,
                         testing::Values(Case{{4, 3, 2},
                                              "conv(4,3,tanh) dropout(0.4) dense(5,tanh) dropout(0.3) dense(3)"},
                                         Case{{4, 3, 2},
                                              "dropout(0.2) conv(4,3) norm dropout(0.5) residual( dropout(0.5) "
                                              "conv(4,3) dropout(0.2) ) gelu dropout(0) dense(3)"}));

TEST_P(DropoutLayers, DrawTheSameOnAnyNumberOfRanks) {
  const ToyBatch batch = toy_batch(spec_.inputs(), 3, 7, 5);
  RankOfGradients one(make_self_communicator(), spec_);
  const double loss = one.loss_and_gradients(batch, [](Index, int) { return 0; });
  RankOfGradients many(make_mpi_communicator(), spec_);
  for (const Deal deal : {in_turn, threes, all_to_last}) {
    EXPECT_NEAR(many.loss_and_gradients(batch, deal), loss, tolerance * (1 + loss));
    expect_same(many.gradients->of_maps, one.gradients->of_maps, tolerance, "gradient of map");
  }
}

TEST_P(DropoutLayers, HaveTheGradientsOfFiniteDifferences) {
  if (is_one_rank_in_double()) expect_gradients_of_finite_differences(spec_);
}

TEST(Dropout, LeavesAnEvaluationAlone) {
  const auto outputs_of = [](const char* text) {
    const NetworkSpec spec = parse(text, {4, 3, 2});
    RankOfGradients rank(make_self_communicator(), spec);
    rank.rank.load(toy_batch(spec.inputs(), 3, 4, 5));
    rank.rank.workspace().evaluate();
    return naive::download(rank.rank.device(), rank.rank.workspace().outputs()).values;
  };
  EXPECT_EQ(outputs_of("dropout(0.4) conv(4,3,tanh) dropout(0.3) dense(3)"), outputs_of("conv(4,3,tanh) dense(3)"));
}

TEST(BatchNorm, KeepsRunningStatisticsOfTheGlobalBatchForEvaluations) {
  const NetworkSpec spec = parse("norm dense(3)", {3, 2, 4});
  RankOfGradients rank(make_mpi_communicator(), spec);
  constexpr double share = 0.6 * 42 / 1042;  // of 7 samples of 6 pixels
  Dense running(4, 2);
  for (Index c = 0; c < 4; ++c) running(c, 1) = 1;
  for (const std::uint64_t step : {1, 2, 3}) {
    const ToyBatch batch = toy_batch(spec.inputs(), 3, 7, step);
    (void)rank.loss_and_gradients(batch, threes);
    for (Index c = 0; c < 4; ++c) {
      double mean = 0;
      double squares = 0;
      for (Index k = 0; k < 7 * 6; ++k) {
        const double x = batch.inputs.values[static_cast<std::size_t>(4 * k + c)];
        mean += x / 42;
        squares += x * x / 42;
      }
      running(c, 0) = (1 - share) * running(c, 0) + share * mean;
      running(c, 1) = (1 - share) * running(c, 1) + share * (squares - mean * mean);
    }
  }
  const Dense found = naive::download(rank.rank.device(), rank.rank.network().views(ParameterRole::statistics)[0]);
  EXPECT_LT(naive::relative_difference(found, running), tolerance);

  const ToyBatch batch = toy_batch(spec.inputs(), 3, 2, 9);
  rank.rank.load(batch, [](Index, int) { return 0; });
  if (rank.rank.workspace().samples() == 0) return;
  rank.rank.workspace().evaluate();
  Dense x = batch.inputs;
  for (Index k = 0; k < 2 * 6; ++k)
    for (Index c = 0; c < 4; ++c) {
      double& value = x.values[static_cast<std::size_t>(4 * k + c)];
      value = rank.scales[0](c, 0) * (value - running(c, 0)) / std::sqrt(running(c, 1) + 1e-5) + rank.scales[0](c, 1);
    }
  Dense with_ones(x.rows + 1, x.cols, 1);
  for (Index m = 0; m < x.cols; ++m)
    for (Index r = 0; r < x.rows; ++r) with_ones(r, m) = x(r, m);
  EXPECT_LT(naive::relative_difference(naive::download(rank.rank.device(), rank.rank.workspace().outputs()),
                                       naive::product(rank.maps[0], with_ones)),
            tolerance);
}

TEST(ActivationPlan, WorksInPlaceWhereNothingIsLost) {
  const auto places = [](const char* text) {
    const NetworkSpec spec = parse(text, {4, 4, 3});
    const ActivationPlan plan = plan_activations(spec);
    return std::pair(plan.tensors.size(), plan.differences.size());
  };
  using Places = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(places("conv(4,3,relu) dense(2)"), Places(2, 2));
  // Differences go back and forth between two places, however many layers there are.
  EXPECT_EQ(places("conv(4,3,relu) conv(4,3,relu) conv(4,3,relu) conv(4,3,relu) dense(2)"), Places(5, 2));
  // A batch norm needs what goes in; its difference takes the place of that of its output.
  EXPECT_EQ(places("conv(4,3) norm relu dense(2)"), Places(3, 2));
  EXPECT_EQ(places("conv(4,3) dropout(0.5) dense(2)"), Places(2, 2));
  // relu needs what came out: it is overwritten by nobody.
  EXPECT_EQ(places("conv(4,3,relu) dropout(0.5) dense(2)"), Places(3, 2));
  // The sum takes the place of what the body made, and so does relu; the input of the residual stays. Its difference
  // takes the place of that of the dense layer, which nobody needs any more.
  EXPECT_EQ(places("conv(4,3) residual( conv(4,3) norm ) relu dense(2)"), Places(4, 2));
  EXPECT_EQ(places("conv(4,3) residual( conv(4,3) norm conv(4,3) norm ) relu dense(2)"), Places(6, 3));
}

TEST(ActivationPlan, ADenseLayerReadsAConvolutionWhereItIs) {
  const ActivationPlan plan = plan_activations(parse("conv(4,3,relu) dense(2)", {4, 4, 3}));
  EXPECT_TRUE(plan.tensors[plan.tensor[1]].has_ones);
  EXPECT_FALSE(plan.tensors[plan.tensor[2]].has_ones);
  EXPECT_EQ(plan.elements(), 64 + 1 + 2 + 64 + 2);
}

}  // namespace
}  // namespace sibp
