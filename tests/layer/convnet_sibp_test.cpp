// Semi-implicit back propagation on convolutional networks, on any number of ranks, against a dense reference in
// double.
#include "sibp/update/methods.hpp"

#include "support/reference_sibp.hpp"
#include "support/small_conv_nets.hpp"

#include <ostream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::Dense;
using naive::ReferenceNetwork;

ProximalOptions proximal(const SystemOptions& convolution, const std::function<void(ProximalOptions&)>& change = {}) {
  ProximalOptions options{{Damping::Kind::relative, 0.7}, Carry::new_weights, {Form::normal}, {40, 40}};
  options.convolution = convolution;
  if (change) change(options);
  return options;
}

constexpr Damping relative{Damping::Kind::relative, 0.5};
constexpr Damping absolute{Damping::Kind::absolute, 3};
constexpr StepRule relative_step{StepRule::Kind::relative, 0.2};

void reshape(ProximalOptions& o) {
  o.step = relative_step;
  o.momentum = {0.8};
  o.weight_decay = 0.01;
}

struct SibpCase {
  const char* name;
  ProximalOptions options;
  double share = 1;

  friend std::ostream& operator<<(std::ostream& out, const SibpCase& c) { return out << c.name; }
};

class ConvNetSibp : public testing::TestWithParam<std::tuple<const char*, SibpCase>> {};

INSTANTIATE_TEST_SUITE_P(
    Options, ConvNetSibp,
    testing::Combine(
        testing::ValuesIn(small_conv_nets),
        testing::Values(
            SibpCase{"plain", proximal({relative, {}, 1})}, SibpCase{"absolute", proximal({absolute, {}, 1})},
            SibpCase{"every third sample", proximal({relative, {}, 3})},
            SibpCase{"kept", proximal({relative, {.every = 2, .average = 0.8, .burn_in = 1, .damping = relative}, 1})},
            SibpCase{"kept, of every second sample",
                     proximal({absolute, {.every = 3, .average = 0.5, .burn_in = 0, .damping = absolute}, 2})},
            SibpCase{
                "dense layers at other steps",
                proximal({relative, {.every = 2, .average = 0.8, .burn_in = 0, .damping = relative}, 1},
                         [](auto& o) { o.refresh = {.every = 3, .average = 0.7, .burn_in = 0, .damping = relative}; })},
            SibpCase{
                "lagging, relative steps",
                proximal({relative, {.every = 2, .average = 0.8, .burn_in = 1, .damping = relative, .lags = true}, 2},
                         [](auto& o) { o.step = relative_step; }),
                0.5},
            SibpCase{
                "lagging, of every batch",
                proximal({absolute, {.every = 1, .average = 0.8, .burn_in = 0, .damping = absolute, .lags = true}, 1})},
            SibpCase{"relative step", proximal({relative, {}, 1}, [](auto& o) { o.step = relative_step; }), 0.5},
            SibpCase{"spectral step",
                     proximal({relative, {.every = 2, .average = 0.8, .burn_in = 0, .damping = relative}, 1},
                              [](auto& o) {
                                o.step = {StepRule::Kind::spectral, 0.2};
                              }),
                     0.5},
            SibpCase{"step of Newton-Muon",
                     proximal({relative, {}, 1},
                              [](auto& o) {
                                o.step = {StepRule::Kind::newton_muon, 0.2};
                              }),
                     0.5},
            SibpCase{"step of Newton-Muon that one rank takes for all",
                     proximal({relative, {}, 1},
                              [](auto& o) {
                                o.step = {StepRule::Kind::newton_muon, 0.2};
                                o.ranks_are_alike = false;
                              }),
                     0.5},
            SibpCase{"momentum", proximal({relative, {}, 1}, [](auto& o) { o.momentum = {0.8}; })},
            SibpCase{"Nesterov's momentum, relative steps",
                     proximal({relative, {}, 1},
                              [](auto& o) {
                                o.step = relative_step;
                                o.momentum = {.mu = 0.8, .nesterov = true};
                              }),
                     0.5},
            SibpCase{"momentum of gradients",
                     proximal({absolute, {}, 1}, [](auto& o) { o.momentum = {.mu = 0.8, .of_gradient = true}; })},
            SibpCase{"Nesterov's momentum of gradients, relative steps",
                     proximal({relative, {.every = 2, .average = 0.8, .burn_in = 1, .damping = relative}, 2},
                              [](auto& o) {
                                o.step = relative_step;
                                o.momentum = {.mu = 0.8, .nesterov = true, .of_gradient = true};
                              }),
                     0.5},
            SibpCase{"decay", proximal({relative, {}, 1}, [](auto& o) { o.weight_decay = 0.1; }), 0.5},
            SibpCase{"all of it",
                     proximal({relative, {.every = 2, .average = 0.8, .burn_in = 1, .damping = relative}, 2}, reshape),
                     0.7})));

TEST_P(ConvNetSibp, IsTheReferenceStepByStepOnAnyNumberOfRanks) {
  const auto& [text, c] = GetParam();
  const NetworkSpec spec = parse_small(text);
  const auto maps = toy_weights(spec, 21);
  const auto scales = toy_scales(spec, 31);
  RankOfStep rank(make_mpi_communicator(), spec, maps, 40, [&, &c = c](const auto& context, const auto& network) {
    return make_semi_implicit(context, network, c.options);
  });
  set_parameters(rank.device(), rank.network(), ParameterRole::scales, scales);
  naive::ReferenceSibp reference{{.spec = spec, .maps = maps, .scales = scales}, c.options};
  constexpr std::array<Deal, 5> deals{in_turn, threes, all_to_last, threes, in_turn};
  for (const Index samples : {11, 7, 2, 9, 11}) {  // with 2 samples some ranks have none
    const auto step = static_cast<std::size_t>(reference.steps);
    const ToyBatch batch = toy_batch(spec.inputs(), small_classes, samples, 100 + step);
    rank.load(batch, deals.at(step));
    const LossSums sums = rank.repeat(samples, 0.7, c.share);
    reference.run(batch, 0.7, c.share);
    EXPECT_NEAR(sums.loss, reference.network.loss, rounding * (1 + sums.loss));
    const auto found = parameters_of(rank.device(), rank.network(), ParameterRole::weights);
    for (std::size_t i = 0; i < maps.size(); ++i)
      EXPECT_LT(change_error(found[i], reference.network.maps[i], maps[i]), 10 * rounding)
          << "map " << i << " after step " << step + 1;
    const auto of_scales = parameters_of(rank.device(), rank.network(), ParameterRole::scales);
    for (std::size_t i = 0; i < scales.size(); ++i)
      EXPECT_LT(change_error(of_scales[i], reference.network.scales[i], scales[i]), 10 * rounding)
          << "scales " << i << " after step " << step + 1;
  }
}

TEST(RelativeStep, MovesTheNeuronsOfEachLayerByItsShare) {
  const NetworkSpec spec = parse_small(small_conv_nets[0]);
  const auto maps = toy_weights(spec, 21);
  const auto scales = toy_scales(spec, 31);
  RankOfStep rank(make_mpi_communicator(), spec, maps, 40, [&](const auto& context, const auto& network) {
    return make_semi_implicit(context, network, proximal({relative, {}, 1}, [](auto& o) {
                                o.step = {StepRule::Kind::relative, 0.03};
                              }));
  });
  set_parameters(rank.device(), rank.network(), ParameterRole::scales, scales);
  const ToyBatch batch = toy_batch(spec.inputs(), small_classes, 11, 5);
  rank.step(batch, 1);
  const auto found = rank.weights();
  ReferenceNetwork network{spec, maps, scales};
  network.forward(batch.inputs);
  network.backward(
      batch.labels,
      [&](std::size_t i, const Dense& p, const Dense&) {
        Dense step = found[i];
        for (std::size_t k = 0; k < step.values.size(); ++k) step.values[k] -= maps[i].values[k];
        const auto size = [&](const Dense& w) {
          double sum = 0;
          for (const double value : product(w, p).values) sum += value * value;
          return std::sqrt(sum);
        };
        if (i + 1 < maps.size()) {
          EXPECT_NEAR(size(step) / size(maps[i]), 0.03, rounding) << "map " << i;
        }
      },
      [](std::size_t, const Dense&, const Dense&) {});
}

/// Forms the Gram matrices of chosen samples and updates nothing.
class SampledGrams final : public UpdateRule {
 public:
  SampledGrams(const UpdateContext& context, Index every) : context_(context), every_(every) {}

  void features_ready(LinearMap& map) override {
    Matrix a = context_.device.allocate(map.shape().fan_in(), map.shape().fan_in());
    form_triangle(context_.device, map.sampled_inputs(every_), a.view());
    grams.push_back(naive::download(context_.device, a.view()));
    context_.communicator.all_reduce_sum(std::span<double>(grams.back().values));
  }
  void backward(LinearMap& map, const StepSize&) override { map.carry(); }
  void backward(ScaleMap& scales, const StepSize&) override { scales.carry(); }
  void finish_step() override {}
  [[nodiscard]] LambdaRange lambda_range() const override { return {}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

  std::vector<Dense> grams;

 private:
  UpdateContext context_;
  Index every_;
};

TEST(SampledGram, IsOfEverySoManyethSampleOfTheGlobalBatch) {
  const NetworkSpec spec = parse_small(small_conv_nets[0]);
  const auto maps = toy_weights(spec, 21);
  const ToyBatch batch = toy_batch(spec.inputs(), small_classes, 11, 5);
  for (const Index every : {1, 2, 4, 20})
    for (const Deal deal : {in_turn, threes, all_to_last}) {
      SampledGrams* rule = nullptr;
      RankOfStep rank(make_mpi_communicator(), spec, maps, 40, [&](const auto& context, const auto&) {
        auto made = std::make_unique<SampledGrams>(context, every);
        rule = made.get();
        return made;
      });
      rank.load(batch, deal);
      rank.repeat(11, 1);
      ReferenceNetwork network{spec, maps, parameters_of(rank.device(), rank.network(), ParameterRole::scales)};
      network.forward(batch.inputs);
      network.backward(
          batch.labels,
          [&](std::size_t i, const Dense& p, const Dense&) {
            const Index columns = spec.maps[i].columns;
            Dense a(p.rows, p.rows);
            for (Index c = 0; c < p.cols; ++c)
              if (c / columns % every == 0)
                for (Index r = 0; r < p.rows; ++r)
                  for (Index k = 0; k <= r; ++k) a(r, k) += p(r, c) * p(k, c);
            for (Index r = 0; r < p.rows; ++r)
              for (Index k = 0; k <= r; ++k)
                EXPECT_NEAR(rule->grams[i](r, k), a(r, k), rounding) << "map " << i << ", every " << every;
          },
          [](std::size_t, const Dense&, const Dense&) {});
    }
}

}  // namespace
}  // namespace sibp
