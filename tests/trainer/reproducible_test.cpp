// In reproducible mode all numbers of ranks and threads give the weights and the losses of one rank, bit for bit.
#include "sibp/layer/language.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"

#include "support/files.hpp"
#include "support/networks.hpp"

#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

class Reproducible : public testing::Test {
 protected:
  struct Outcome {
    std::vector<std::vector<Real>> weights;
    double training_loss = 0;
    double test_loss = 0;
  };

  Reproducible() {
    data_.dataset = "synthetic";
    data_.synthetic_samples = 303;
    data_.synthetic_features = 140;  // more than a block of the factor
    data_.synthetic_classes = 5;
    options_.logical_shards = 9;
    options_.batch = 50;  // 3 samples in the last batch: ranks without any
    options_.steps = 9;
    options_.log_every = 0;
  }

  [[nodiscard]] SumOptions exact() const { return {.sums = Sums::exact, .most_samples = options_.batch}; }

  Outcome run(const Communicator& communicator, int threads) {
    const auto device = make_reproducible_device(threads);
    PhaseClock clock;
    const Dataset dataset = open_dataset(data_);
    const TrainingData data = load_training_data(*device, communicator, dataset, NormalisationKind::mean, 20, options_);
    const NetworkSpec spec = parse_network(text_, dataset.shape, loss_, activation_);
    Network network = make_network(*device, spec, {}, options_.seed);
    const UpdateContext context{*device, communicator, clock};
    const auto rule =
        make_update_rule(context, spec, options_.method, {options_.batch, data.order->largest_local_size()});
    Outcome outcome;
    const double eta = default_step_size(options_.method, spec);
    const MetricsRecord last = train(context, *rule, network, data, options_, eta, nullptr).last;
    outcome.training_loss = last.train.loss;
    outcome.test_loss = last.test->loss;
    outcome.weights = download_weights(*device, network);
    return outcome;
  }

  static void expect_same_bits(const Outcome& a, const Outcome& b) {
    ASSERT_EQ(a.weights.size(), b.weights.size());
    for (std::size_t i = 0; i < a.weights.size(); ++i) {
      EXPECT_EQ(std::memcmp(a.weights[i].data(), b.weights[i].data(), a.weights[i].size() * sizeof(Real)), 0)
          << "layer " << i + 1;
    }
    EXPECT_EQ(a.training_loss, b.training_loss);
    EXPECT_EQ(a.test_loss, b.test_loss);
  }

  void expect_same_bits_everywhere() {
    const Outcome one = run(make_self_communicator(exact()), 1);
    EXPECT_TRUE(std::isfinite(one.training_loss));
    const Communicator world = make_mpi_communicator(exact());
    if (world.size() > 1) options_.method.places = places_;
    for (const int threads : {1, 2}) {
      SCOPED_TRACE(fmt::format("{} ranks of {} threads", world.size(), threads));
      expect_same_bits(run(world, threads), one);
    }
  }

  DatasetOptions data_;
  TrainingOptions options_;
  std::string_view text_ = "dense(60) dense(7) dense(5)";
  std::vector<SystemPlace> places_;  ///< where there are several ranks
  Activation activation_ = Activation::relu;
  Loss loss_ = Loss::softmax_cross_entropy;
};

TEST_F(Reproducible, SemiImplicitInEitherForm) {
  for (const Form form : {Form::normal, Form::activations}) {
    for (const Carry carry : {Carry::new_weights, Carry::old_weights}) {
      SCOPED_TRACE(name_of(form));
      options_.method.forms = {form};
      options_.method.carry = carry;
      expect_same_bits_everywhere();
    }
  }
}

TEST_F(Reproducible, SystemsThatHaveOwners) {
  const int ranks = make_mpi_communicator().size();
  for (const bool solves : {false, true}) {
    options_.method.forms = {Form::normal};
    options_.method.refresh = {.every = 2, .burn_in = 3, .lags = solves};
    options_.method.places = {};
    places_ = {{ranks - 1, solves}, {0, solves}, {ranks / 2, solves}};
    expect_same_bits_everywhere();
  }
}

TEST_F(Reproducible, AGramMatrixKeptForSeveralSteps) {
  options_.method.forms = {Form::normal};
  options_.method.refresh = {.every = 2, .burn_in = 3};
  expect_same_bits_everywhere();
}

TEST_F(Reproducible, AConvNetWithEveryMethod) {
  text_ = testing_support::conv_net;
  data_.synthetic_shape = TensorShape{7, 6, 2};
  std::vector<MethodOptions> methods(3, testing_support::sibp_of_conv_net());
  methods[1].step = {StepRule::Kind::newton_muon, 0.1};
  methods.back().step = {StepRule::Kind::spectral, 0.1};
  methods.back().refresh.lags = methods.back().convolution.refresh.lags = true;
  for (const Method method : all_methods())
    if (method != Method::sibp && method != Method::published) methods.push_back(default_options(method));
  for (MethodOptions& method : methods) method.forms = {Form::normal};
  for (const MethodOptions& method : methods) {
    SCOPED_TRACE(name_of(method.method));
    options_.method = method;
    expect_same_bits_everywhere();
  }
}

TEST_F(Reproducible, ChangedPictures) {
  data_.synthetic_shape = TensorShape{7, 5, 4};
  options_.augmentation = augmentation_from_text("flip,translate:2,cutout:3").value();
  options_.method.forms = {Form::normal};
  expect_same_bits_everywhere();
}

TEST_F(Reproducible, Gradients) {
  for (const Method method : {Method::sgd, Method::adam}) {
    SCOPED_TRACE(name_of(method));
    options_.method = default_options(method);
    expect_same_bits_everywhere();
  }
}

TEST_F(Reproducible, ProxProp) {
  for (const Optimiser outer : {Optimiser::sgd, Optimiser::adam}) {
    for (const Index cg_steps : {0, 3}) {
      SCOPED_TRACE(fmt::format("{} with {} steps", name_of(outer), cg_steps));
      options_.method = default_options(Method::proxprop, outer);
      options_.method.cg_steps = cg_steps;
      options_.method.forms = {outer == Optimiser::sgd ? Form::normal : Form::activations};
      expect_same_bits_everywhere();
    }
  }
}

TEST_F(Reproducible, ActivationsAndLosses) {
  options_.method.forms = {Form::activations};
  for (const Activation activation : {Activation::tanh, Activation::sigmoid, Activation::leaky_relu}) {
    SCOPED_TRACE(name_of(activation));
    activation_ = activation;
    loss_ = activation == Activation::tanh ? Loss::squared_error : Loss::softmax_cross_entropy;
    expect_same_bits_everywhere();
  }
}

TEST_F(Reproducible, WhatIsNotFiniteIsFound) {
  options_.method = default_options(Method::sgd);
  options_.schedule = Schedule::constant;
  options_.steps = 30;
  options_.method.momentum = 0.999;
  options_.method.weight_decay = 1e6;  // multiplies the weights by −1e5 a step
  testing_support::expect_error(ExitStatus::diverged, {"the loss is not finite"},
                                [&] { run(make_mpi_communicator(exact()), 1); });
}

TEST_F(Reproducible, TrainsAsThePlainModeDoes) {
  options_.method.forms = {Form::normal};
  options_.steps = 30;
  const Outcome exact_sums = run(make_mpi_communicator(exact()), 1);
  const Outcome plain = run(make_mpi_communicator({.sums = Sums::library}), 1);  // products still exact
  EXPECT_NEAR(exact_sums.training_loss, plain.training_loss, 1e-4 * (1 + plain.training_loss));
}

}  // namespace
}  // namespace sibp
