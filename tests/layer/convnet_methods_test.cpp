// The methods on convolutional networks, on any number of ranks, against dense references in double: patches in one
// matrix, systems solved by elimination.
#include "sibp/update/methods.hpp"

#include "support/reference_network.hpp"
#include "support/reference_optimiser.hpp"
#include "support/step_fixture.hpp"

#include <ostream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;
using naive::Dense;
using naive::ReferenceNetwork;

constexpr TensorShape input{6, 5, 2};
constexpr Index classes = 3;

constexpr std::array networks{
    "conv(5,3,relu) maxpool(2) conv(4,3,stride=2) norm relu dense(5,tanh) dense(3)",
    "conv(4,3,tanh) residual( conv(6,3,stride=2) norm(group=2) relu conv(6,3) norm ) relu meanpool dense(3)",
    "conv(5,3) norm(scale=fixed) tanh conv(4,3,stride=2) norm(group=2,scale=fixed,relu) conv(4,1) norm dense(3)"};

NetworkSpec parse(const char* text) {
  return parse_network(text, input, Loss::softmax_cross_entropy, Activation::relu);
}

/// Semi-implicit back propagation with new weights carried, straight from its description.
struct ReferenceSibp {
  ReferenceNetwork network;
  ProximalOptions options;
  Index steps = 0;

  struct OfMap {
    Dense mean{};       ///< Σ of β-weighted A / M
    double weight = 0;  ///< of what is in it
    Dense kept{};       ///< the mean, undamped, of the step at which it was used first
    double lambda = 0;  ///< added to it, a sample
    double size = 0;    ///< ‖Ŵ P̂‖² by the system's Gram matrix
    Dense average{};
  };
  std::vector<OfMap> of_maps_{};
  std::vector<Dense> of_scales_{};  ///< averages

  void run(const ToyBatch& batch, double eta, double share) {
    of_maps_.resize(network.maps.size());
    of_scales_.resize(network.scales.size(), Dense());
    network.forward(batch.inputs);
    network.backward(
        batch.labels,
        [&](std::size_t i, const Dense& p, const Dense& s) { update_map(i, p, s, batch.inputs.cols, eta, share); },
        [&](std::size_t i, const Dense& hat, const Dense& s) { update_scales(i, hat, s, eta, share); });
    ++steps;
  }

 private:
  static Dense sampled(const Dense& p, Index per_sample, Index every) {
    std::vector<Index> chosen;
    for (Index c = 0; c < p.cols; ++c)
      if (c / per_sample % every == 0) chosen.push_back(c);
    Dense columns(p.rows, static_cast<Index>(chosen.size()));
    for (Index c = 0; c < columns.cols; ++c)
      for (Index r = 0; r < p.rows; ++r) columns(r, c) = p(r, chosen[static_cast<std::size_t>(c)]);
    return columns;
  }

  static double lambda_of(const Damping& damping, const Dense& a, double samples) {
    if (damping.kind == Damping::Kind::absolute) return damping.value / samples;
    double trace = 0;
    for (Index k = 0; k < a.rows; ++k) trace += a(k, k);
    return damping.value * trace / static_cast<double>(a.rows);
  }

  /// tr X A Xᵀ
  static double size_by(const Dense& x, const Dense& a) {
    const Dense xa = product(x, a);
    double sum = 0;
    for (std::size_t k = 0; k < xa.values.size(); ++k) sum += xa.values[k] * x.values[k];
    return sum;
  }

  void update_map(std::size_t i, const Dense& p, const Dense& s, Index samples, double eta, double share) {
    const MapShape& shape = network.spec.maps[i];
    const SystemOptions system = options.system_of(shape);
    OfMap& mine = of_maps_[i];
    Dense& weights = network.maps[i];
    const auto m = static_cast<double>(samples);
    const Dense x = sampled(p, shape.columns, system.sample);
    Dense a = product(x, naive::transpose(x));  // over samples, a sample
    for (double& value : a.values) value /= static_cast<double>(x.cols / shape.columns);
    double lambda = lambda_of(system.damping, a, m);
    const Index beyond = steps - system.refresh.burn_in;
    const bool averages = system.refresh.every > 1;
    const bool is_due = !averages || beyond <= 0 || beyond % system.refresh.every == 0;
    if (averages && is_due) {
      if (mine.mean.rows == 0) mine.mean = Dense(a.rows, a.cols);
      const double beta = system.refresh.average;
      for (std::size_t k = 0; k < a.values.size(); ++k)
        mine.mean.values[k] = beta * mine.mean.values[k] + (1 - beta) * a.values[k];
      mine.weight = beta * mine.weight + 1 - beta;
    }
    if (averages && beyond >= 0) {
      if (is_due) {
        mine.kept = mine.mean;
        for (double& value : mine.kept.values) value /= mine.weight;
        mine.lambda = lambda_of(system.refresh.damping, mine.kept, m);
      }
      a = mine.kept;
      lambda = mine.lambda;
    }
    if (is_due) mine.size = size_by(weights, a);
    Dense damped = a;
    for (Index k = 0; k < a.rows; ++k) damped(k, k) += lambda;
    Dense b = product(s, naive::transpose(p));
    for (double& value : b.values) value *= -1 / m;
    Dense step = naive::transpose(naive::solve(damped, naive::transpose(b)));
    const bool is_last = i + 1 == network.maps.size();
    const double factor = options.step.kind == StepRule::Kind::fixed || is_last
                              ? eta
                              : options.step.kappa * share * std::sqrt(mine.size / size_by(step, a));
    for (double& value : step.values) value *= factor;
    for (double& value : weights.values) value *= 1 - options.weight_decay * share;
    ReferenceNetwork::add(weights, averaged(mine.average, step));
  }

  /// V ← μ V + (1 − μ) Δ
  Dense averaged(Dense& average, const Dense& step) const {
    if (average.rows == 0) average = Dense(step.rows, step.cols);
    for (std::size_t k = 0; k < step.values.size(); ++k)
      average.values[k] = options.momentum * average.values[k] + (1 - options.momentum) * step.values[k];
    return average;
  }

  [[nodiscard]] bool is_batch_norm(std::size_t norm) const {
    for (const Node& node : network.spec.nodes)
      if (node.layer->text().starts_with("norm") && norm-- == 0) return !node.layer->text().starts_with("norm(group");
    return false;
  }

  /// The least squares of (x̂, 1) for every channel. A batch norm takes the variance of x̂ for 1, which it is but for ε.
  void update_scales(std::size_t i, const Dense& hat, const Dense& s, double eta, double share) {
    Dense& weights = network.scales[i];
    Dense step(weights.rows, weights.cols);
    double move = 0;
    double size = 0;
    for (Index c = 0; c < hat.rows; ++c) {
      Dense inputs(2, hat.cols, 1);
      Dense masked(1, hat.cols);
      Dense own(1, 2);
      for (Index k = 0; k < hat.cols; ++k) {
        inputs(0, k) = hat(c, k);
        masked(0, k) = -s(c, k);
      }
      Dense a = product(inputs, naive::transpose(inputs));
      if (is_batch_norm(i)) {
        a(0, 0) = a(1, 1);
        a(0, 1) = a(1, 0) = 0;
      }
      own(0, 0) = network.gamma(i, c);
      own(0, 1) = network.beta(i, c);
      size += size_by(own, a);
      Dense b = product(inputs, naive::transpose(masked));
      if (weights.cols == 1) {  // γ is fixed
        a = Dense(1, 1, a(1, 1));
        b = Dense(1, 1, b(1, 0));
      }
      const double lambda = lambda_of(options.convolution.damping, a, 1);
      Dense damped = a;
      for (Index k = 0; k < a.rows; ++k) damped(k, k) += lambda;
      const Dense solved = naive::transpose(naive::solve(damped, b));
      move += size_by(solved, a);
      for (Index k = 0; k < a.rows; ++k) step(c, k) = solved(0, k);
    }
    const double factor =
        options.step.kind == StepRule::Kind::fixed ? eta : options.step.kappa * share * std::sqrt(size / move);
    for (double& value : step.values) value *= factor;
    ReferenceNetwork::add(weights, averaged(of_scales_[i], step));
  }
};

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
  o.momentum = 0.8;
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
        testing::ValuesIn(networks),
        testing::Values(
            SibpCase{"plain", proximal({relative, {}, 1})}, SibpCase{"absolute", proximal({absolute, {}, 1})},
            SibpCase{"every third sample", proximal({relative, {}, 3})},
            SibpCase{"kept", proximal({relative, {.every = 2, .average = 0.8, .burn_in = 1, .damping = relative}, 1})},
            SibpCase{"kept, of every second sample",
                     proximal({absolute, {.every = 3, .average = 0.5, .burn_in = 0, .damping = absolute}, 2})},
            SibpCase{"relative step", proximal({relative, {}, 1}, [](auto& o) { o.step = relative_step; }), 0.5},
            SibpCase{"momentum", proximal({relative, {}, 1}, [](auto& o) { o.momentum = 0.8; })},
            SibpCase{"decay", proximal({relative, {}, 1}, [](auto& o) { o.weight_decay = 0.1; }), 0.5},
            SibpCase{"all of it",
                     proximal({relative, {.every = 2, .average = 0.8, .burn_in = 1, .damping = relative}, 2}, reshape),
                     0.7})));

TEST_P(ConvNetSibp, IsTheReferenceStepByStepOnAnyNumberOfRanks) {
  const auto& [text, c] = GetParam();
  const NetworkSpec spec = parse(text);
  const auto maps = toy_weights(spec, 21);
  const auto scales = toy_scales(spec, 31);
  RankOfStep rank(make_mpi_communicator(), spec, maps, 40, [&, &c = c](const auto& context, const auto& network) {
    return make_semi_implicit(context, network, c.options);
  });
  set_parameters(rank.device(), rank.network(), ParameterRole::scales, scales);
  ReferenceSibp reference{{.spec = spec, .maps = maps, .scales = scales}, c.options};
  constexpr std::array<Deal, 5> deals{in_turn, threes, all_to_last, threes, in_turn};
  for (const Index samples : {11, 7, 2, 9, 11}) {  // with 2 samples some ranks have none
    const auto step = static_cast<std::size_t>(reference.steps);
    const ToyBatch batch = toy_batch(spec.inputs(), classes, samples, 100 + step);
    rank.load(batch, deals.at(step));
    const LossSums sums = rank.repeat(samples, 0.7, c.share);
    reference.run(batch, 0.7, c.share);
    EXPECT_NEAR(sums.loss, reference.network.loss, 1e-9 * (1 + sums.loss));
    const auto found = parameters_of(rank.device(), rank.network(), ParameterRole::weights);
    for (std::size_t i = 0; i < maps.size(); ++i)
      EXPECT_LT(change_error(found[i], reference.network.maps[i], maps[i]), 1e-8)
          << "map " << i << " after step " << step + 1;
    const auto of_scales = parameters_of(rank.device(), rank.network(), ParameterRole::scales);
    for (std::size_t i = 0; i < scales.size(); ++i)
      EXPECT_LT(change_error(of_scales[i], reference.network.scales[i], scales[i]), 1e-8)
          << "scales " << i << " after step " << step + 1;
  }
}

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
  return settled(options, parse(networks[0]));
}

class ConvNetMethods : public testing::TestWithParam<std::tuple<const char*, OtherCase>> {};

INSTANTIATE_TEST_SUITE_P(
    Methods, ConvNetMethods,
    testing::Combine(testing::ValuesIn(networks),
                     testing::Values(OtherCase{"sgd", with(Method::sgd), 0.2},
                                     OtherCase{"adam", with(Method::adam, [](auto& o) { o.epsilon = 1e-3; }), 0.01},
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
  const NetworkSpec spec = parse(text);
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
    const ToyBatch batch = toy_batch(spec.inputs(), classes, samples, 100 + static_cast<std::uint64_t>(samples));
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
      EXPECT_LT(change_error(found[i], reference.weights[i], start[i]), 1e-8)
          << "parameter " << i << " after step " << reference.steps;
  }
}

TEST(RelativeStep, MovesTheNeuronsOfEachLayerByItsShare) {
  const NetworkSpec spec = parse(networks[0]);
  const auto maps = toy_weights(spec, 21);
  const auto scales = toy_scales(spec, 31);
  RankOfStep rank(make_mpi_communicator(), spec, maps, 40, [&](const auto& context, const auto& network) {
    return make_semi_implicit(context, network, proximal({relative, {}, 1}, [](auto& o) {
                                o.step = {StepRule::Kind::relative, 0.03};
                              }));
  });
  set_parameters(rank.device(), rank.network(), ParameterRole::scales, scales);
  const ToyBatch batch = toy_batch(spec.inputs(), classes, 11, 5);
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
          EXPECT_NEAR(size(step) / size(maps[i]), 0.03, 1e-9) << "map " << i;
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
  const NetworkSpec spec = parse(networks[0]);
  const auto maps = toy_weights(spec, 21);
  const ToyBatch batch = toy_batch(spec.inputs(), classes, 11, 5);
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
                EXPECT_NEAR(rule->grams[i](r, k), a(r, k), 1e-9) << "map " << i << ", every " << every;
          },
          [](std::size_t, const Dense&, const Dense&) {});
    }
}

}  // namespace
}  // namespace sibp
