// A form of the proximal update and a method that nobody knew: a class and a row of traits are all that they need to be
// trained with, chosen, and counted in time and memory.
#include "sibp/trainer/memory_model.hpp"
#include "sibp/update/methods.hpp"

#include "support/step_fixture.hpp"
#include "update/explicit_update.hpp"
#include "update/form_traits.hpp"
#include "update/method_traits.hpp"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;

/// Normal equations that every rank solves as a whole.
class Replicated final : public ProximalForm {
 public:
  explicit Replicated(const FormPlace& place)
      : ProximalForm(place.context, place.options),
        gram_(place.gram_system()),
        step_(communicator().make_all_reduce(device(), place.map.outputs, place.map.fan_in())) {}

  void features_ready(LinearMap& map, const DealtSamples& samples) override { gram_.start(map, samples.total); }

  ProximalStep backward(const FormStep& step) override {
    step_->set_product(device(), step_->view(), static_cast<Real>(-step.eta), step.map.delta(),
                       whole_matrices(step.map).whole_inputs());  // B = R F̂ᵀ
    step_->start();
    wait(*step_);
    const ProximalStep result = gram_.factorise();
    device().solve_right(gram_.factor(), step_->view());
    device().axpy(1, step_->view(), step.target);
    carry_difference(step);
    return result;
  }

  void finish(MatrixView) override {}

 private:
  GramSystem gram_;
  std::unique_ptr<AllReduce> step_;
};

constexpr double made_up_elements = 4321;

const FormTraits replicated_form{
    .name = "replicated",
    .make = [](const FormPlace& place) -> std::unique_ptr<ProximalForm> { return std::make_unique<Replicated>(place); },
    .add_cost = [](Tally& tally, const LayerInStep& layer) { tally.cholesky(Sizes(layer).n); },
    .elements = [](const LayerInStep&) { return made_up_elements; },
    .has_gram = true};

constexpr Form replicated{replicated_form};

/// Ŵ ← Ŵ − η times the gradient, with nothing else.
class Plain final : public UpdateRule {
 public:
  Plain(const UpdateContext& context, const NetworkSpec& spec)
      : context_(context), maps_(spec.maps.size()), gradients_(context, spec) {}

  void features_ready(LinearMap&) override {}
  void backward(LinearMap& map, const StepSize& step) override {
    rate_ = step.eta;
    gradients_.start(map, step);
    carry_difference(context_, map);
  }
  void backward(ScaleMap&, const StepSize&) override {}
  void finish_step() override {
    for (std::size_t i = maps_; i-- > 0;) {
      const ConstMatrixView gradient = gradients_.finish(i);
      context_.device.axpy(static_cast<Real>(-rate_), gradient, gradients_.started(i).weights());
    }
  }
  [[nodiscard]] LambdaRange lambda_range() const override { return {}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

 private:
  UpdateContext context_;
  std::size_t maps_;
  double rate_ = 0;
  GradientReductions gradients_;
};

const MethodTraits plain_method{
    .name = "plain",
    .set_defaults = [](MethodOptions& options) { options.momentum = 0; },
    .step_size = [](const MethodOptions&, const NetworkSpec&) { return 0.25; },
    .make = [](const UpdateContext& context, const NetworkSpec& spec, const MethodOptions&,
               const BatchCapacity&) -> std::unique_ptr<UpdateRule> { return std::make_unique<Plain>(context, spec); },
    .moments = [](const MethodOptions&) { return 0.0; },
    .elements = [](const MapInMethod& map) { return map.weights(); },
    .cost =
        [](const MapInMethod& map, const MachineRates& rates) {
          return MapCost{"plain", gradient_cost(map.in_step(), rates)};
        }};

constexpr Method plain{plain_method};

const double tolerance = sizeof(Real) == 4 ? 2e-4 : 1e-11;

NetworkSpec spec() {
  return parse_network("dense(5,tanh) dense(4,relu) dense(3)", 6, Loss::softmax_cross_entropy, Activation::relu);
}

/// The weights after some steps of a rule.
std::vector<naive::Dense> trained(const RankOfStep::MakeRule& make_rule) {
  RankOfStep rank(make_mpi_communicator(), spec(), toy_weights(spec(), 21), 40, make_rule);
  for (const std::uint64_t step : {1, 2, 3}) rank.step(toy_batch(6, 3, 23, step), 0.5);
  return rank.weights();
}

void expect_same(const std::vector<naive::Dense>& weights, const std::vector<naive::Dense>& expected) {
  const auto start = toy_weights(spec(), 21);
  for (std::size_t i = 0; i < start.size(); ++i) EXPECT_LT(change_error(weights[i], expected[i], start[i]), tolerance);
}

TEST(MadeUpForm, TrainsAsTheOthersDo) {
  const auto trained_in = [](const std::vector<Form>& forms) {
    return trained([&](const UpdateContext& context, const NetworkSpec& network) {
      return make_semi_implicit(context, network, {{}, Carry::new_weights, forms, {40, 40}});
    });
  };
  expect_same(trained_in({replicated}), trained_in({Form::dual}));
  expect_same(trained_in({replicated, Form::dual, Form::normal}), trained_in({Form::dual}));
}

TEST(MadeUpForm, IsNamedCountedAndChosen) {
  EXPECT_EQ(to_text({replicated, Form::dual}), "replicated,dual");
  EXPECT_FALSE(form_from_name("replicated")) << "it is not in the registry";
  const StepShape shape{.batch = 20, .ranks = 2};
  const MachineRates rates = MachineRates::uniform(1, 0, 1e30);
  const LayerCost cost = semi_implicit_cost(replicated, {spec().maps[0], true, shape}, rates);
  EXPECT_EQ(cost.flops_update, 7 * 7 * 7 / 3.0);
  EXPECT_EQ(choose_forms(spec(), shape, rates, {Form::normal, replicated}), std::vector(3, replicated));
  EXPECT_EQ(predict_memory(spec(), std::vector(3, replicated), shape, 0).update, 3 * made_up_elements * sizeof(Real));
}

TEST(MadeUpForm, IsRefusedWhereItDoesNotFit) {
  const NetworkSpec network =
      parse_network("conv(2,3) dense(3)", TensorShape{4, 4, 1}, Loss::softmax_cross_entropy, Activation::relu);
  EXPECT_EQ(everywhere_it_fits(replicated, network), (std::vector{Form::normal, replicated}));
  const auto device = make_cpu_device(1);
  PhaseClock clock;
  try {
    (void)make_semi_implicit({*device, make_mpi_communicator(), clock}, network,
                             {{}, Carry::new_weights, {replicated}, {4, 4}});
    ADD_FAILURE() << "a convolution has its columns never as a whole";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("found replicated for layer 1"), std::string::npos) << error.what();
  }
}

TEST(MadeUpMethod, TrainsAsGradientDescentWithoutMomentum) {
  const auto trained_by = [](const MethodOptions& options) {
    return trained([&](const UpdateContext& context, const NetworkSpec& network) {
      return make_update_rule(context, network, options, {40, 40});
    });
  };
  MethodOptions descent = default_options(Method::sgd);
  descent.momentum = 0;
  expect_same(trained_by(default_options(plain)), trained_by(descent));
}

TEST(MadeUpMethod, IsNamedAndCounted) {
  const MethodOptions options = default_options(plain);
  EXPECT_EQ(name_of(options.method), "plain");
  EXPECT_EQ(default_step_size(options, spec()), 0.25);
  const StepShape shape{.batch = 20};
  const auto parameters = static_cast<double>(spec().parameters());
  EXPECT_EQ(predict_memory(spec(), options, shape, 0).update, parameters * sizeof(Real));
  EXPECT_EQ(predict_memory(spec(), default_options(Method::adam), shape, 0).update, 3 * parameters * sizeof(Real));
}

TEST(Registries, HaveEveryNameOnce) {
  for (const Form form : all_forms()) EXPECT_EQ(form_from_name(name_of(form)), form);
  EXPECT_EQ(forms_in_words(), "normal, activations, dual, dual-split and low-rank");
  std::set<std::string_view> methods;
  for (const Method method : all_methods()) methods.insert(name_of(method));
  EXPECT_EQ(methods.size(), all_methods().size());
  EXPECT_EQ(methods_in_words([](Method method) { return method == Method::sgd || method == Method::adam; }),
            "sgd or adam");
}

}  // namespace
}  // namespace sibp
