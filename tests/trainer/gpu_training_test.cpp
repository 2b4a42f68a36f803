// Training on a GPU against the CPU, which is held against plain loops elsewhere.
#include "sibp/trainer/batch_reader.hpp"
#include "sibp/trainer/evaluation.hpp"
#include "sibp/update/methods.hpp"

#include "support/step_fixture.hpp"

#include <numeric>
#include <ostream>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;

constexpr double tolerance = 1e-4;
constexpr Index samples = 200;

struct Case {
  const char* name;
  MethodOptions method;
  double eta;
  int steps = 20;
  const char* text = "dense(64,relu) dense(33,tanh) dense(10)";

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }
};

MethodOptions sibp_by(Form form, Carry carry = Carry::new_weights) {
  MethodOptions options;
  options.forms = {form};
  options.carry = carry;
  return options;
}

MethodOptions proxprop_by(Index cg_steps) {
  MethodOptions options = default_options(Method::proxprop);
  options.forms = {Form::normal};
  options.cg_steps = cg_steps;
  return options;
}

/// Every kind of layer.
constexpr const char* every_kind =
    "conv(6,3) norm relu maxpool(2,stride=1) residual( conv(8,3,stride=2) norm(group=2) relu dropout(0.2) ) gelu "
    "meanpool(2) dense(10)";

class GpuTraining : public testing::TestWithParam<Case> {
 protected:
  /// Weights after so many steps on one batch.
  std::vector<naive::Dense> trained(std::unique_ptr<Device> device, int steps) {
    const Case& c = GetParam();
    RankOfStep rank(
        make_mpi_communicator(), spec_, start_, samples,
        [&](const auto& context, const auto& spec) {
          return make_update_rule(context, spec, c.method, {samples, samples});
        },
        std::move(device));
    rank.step(toy_batch(50, 10, samples, 5), c.eta);
    for (int k = 1; k < steps; ++k) rank.repeat(samples, c.eta);
    return rank.weights();
  }

  NetworkSpec spec_ = parse_network(GetParam().text, TensorShape{5, 5, 2}, Loss::softmax_cross_entropy, {});
  std::vector<naive::Dense> start_ = toy_weights(spec_, 3);
};

// A step of the published procedure is decided by comparisons, which rounding can turn: one step is held against the
// CPU's, as many as agree.
INSTANTIATE_TEST_SUITE_P(
    Methods, GpuTraining,
    testing::Values(Case{"normal", sibp_by(Form::normal), 0.5},
                    Case{"normal, old weights", sibp_by(Form::normal, Carry::old_weights), 0.5},
                    Case{"activations", sibp_by(Form::activations), 0.5}, Case{"dual", sibp_by(Form::dual), 0.5},
                    Case{"dual-split", sibp_by(Form::dual_split), 0.5}, Case{"low-rank", sibp_by(Form::low_rank), 0.5},
                    Case{"sgd", default_options(Method::sgd), 0.1}, Case{"adam", default_options(Method::adam), 1e-3},
                    Case{"proxprop", proxprop_by(0), 0.5}, Case{"proxprop, cg", proxprop_by(3), 0.5},
                    Case{"published", default_options(Method::published), 0.1, 1},
                    Case{"ConvNet", sibp_of_conv_net(), 0.1, 8, every_kind},
                    Case{"ConvNet, sgd", default_options(Method::sgd), 0.05, 8, every_kind}));

TEST_P(GpuTraining, GivesTheWeightsOfTheCpu) {
  for (const int steps : {1, GetParam().steps}) {
    const auto on_gpu = trained(make_cuda_device(0, Precision::fp32), steps);
    const auto on_cpu = trained(make_cpu_device(1), steps);
    for (std::size_t i = 0; i < start_.size(); ++i)
      EXPECT_LT(naive::relative_difference(on_gpu[i], on_cpu[i]), tolerance) << steps << " steps, layer " << i + 1;
  }
}

TEST_P(GpuTraining, IsTheSameBitForBitAgain) {
  const auto once = trained(make_cuda_device(0, Precision::fp32), 5);
  const auto again = trained(make_cuda_device(0, Precision::fp32), 5);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(once[i].values, again[i].values);
}

TEST_P(GpuTraining, RoundsFactorsOfProductsWithTf32) {
  const auto rounded = trained(make_cuda_device(0, Precision::tf32), 1);
  const auto on_cpu = trained(make_cpu_device(1), 1);
  for (std::size_t i = 0; i < start_.size(); ++i) EXPECT_LT(change_error(rounded[i], on_cpu[i], start_[i]), 0.1);
}

/// A data set that is read ahead on one stream while another one works, from the GPU's memory or the host's.
class GpuData : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(Memory, GpuData, testing::Bool());

TEST_P(GpuData, BatchesReadAheadAreThoseOfTheCpu) {
  const auto inputs_on = [&](std::unique_ptr<Device> device, const Augmentation& augmentation) {
    if (GetParam()) device->keep_free(std::numeric_limits<std::int64_t>::max());
    constexpr Index features = 300;
    constexpr Index stored = 500;
    Samples all{{10, 10, 3}, std::vector<std::uint8_t>(features * stored), std::vector<std::int32_t>(stored)};
    for (std::size_t k = 0; k < all.pixels.size(); ++k) all.pixels[k] = static_cast<std::uint8_t>(k * 7919 % 251);
    std::iota(all.labels.begin(), all.labels.end(), 0);
    const auto store = device->store(std::move(all));
    const DeviceNormalisation normalisation = to_device(
        *device, {NormalisationKind::mean, std::vector<Real>(features, 3), std::vector<Real>(features, Real(0.1))});
    BatchOrder order({stored, 10, 0, 1}, 64, 1);
    InputBuffer inputs(*device, features, 64);
    BatchReader reader(*device, order, *store, normalisation, 64, Augmenter(augmentation, {10, 10, 3}, 1));
    std::vector<naive::Dense> seen;
    reader.start(0, 0);
    for (Index batch = 0; batch < 5; ++batch) {
      reader.take(inputs);
      reader.start(0, batch + 1);
      seen.push_back(naive::download(*device, inputs.with_ones()));
      std::vector<std::int32_t> labels(64);
      device->download_labels(inputs.labels(), labels);
      naive::Dense numbers(64, 1);
      numbers.values.assign(labels.begin(), labels.end());
      seen.push_back(numbers);
    }
    return seen;
  };
  for (const Augmentation& augmentation : {Augmentation{}, Augmentation{Flip::random, 2, 3}}) {
    const auto on_gpu = inputs_on(make_cuda_device(0, Precision::fp32), augmentation);
    const auto on_cpu = inputs_on(make_cpu_device(1), augmentation);
    ASSERT_EQ(on_gpu.size(), on_cpu.size());
    for (std::size_t k = 0; k < on_gpu.size(); ++k) EXPECT_LT(naive::relative_difference(on_gpu[k], on_cpu[k]), 1e-6);
  }
}

TEST(GpuFailures, AMatrixBeyondTheMemoryIsNamedAndTheDeviceGoesOn) {
  const auto device = make_cuda_device(0, Precision::fp32);
  const Index rows = *device->free_memory() / static_cast<Index>(sizeof(Real)) / 1000;
  try {
    const Matrix beyond = device->allocate(rows, 2000);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("2000 matrix"), std::string::npos) << error.what();
  }
  Matrix small = device->allocate(3, 3);
  device->fill(small.view(), 2);
  EXPECT_EQ(device->sum_of_squares(small.view()), 36);
}

}  // namespace
}  // namespace sibp
