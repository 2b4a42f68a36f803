// When convolutions are cuDNN's, and when they are not.
#include "emulation/cudnn.hpp"

#include "sibp/device/gpu.hpp"

#include "support/gradients.hpp"
#include "support/step_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;

class Cudnn : public testing::Test {
 protected:
  void SetUp() override { library_ = {}; }
  void TearDown() override { library_ = {}; }

  /// One step of gradients of a small network: the loss and the gradients of the maps.
  static std::pair<double, std::vector<naive::Dense>> step(Precision precision = Precision::fp32) {
    const NetworkSpec spec = parse_network("conv(4,3,relu) conv(3,3,stride=2) dense(3)", {6, 5, 2},
                                           Loss::softmax_cross_entropy, Activation::relu);
    Gradients* gradients = nullptr;
    RankOfStep rank(
        make_self_communicator(), spec, toy_weights(spec, 3), 7,
        [&](const auto& context, const auto& network) {
          auto rule = std::make_unique<Gradients>(context, network);
          gradients = rule.get();
          return rule;
        },
        make_cuda_device(0, precision));
    const double loss = rank.step(toy_batch(spec.inputs(), 3, 7, 5), 0.1).loss;
    return {loss, gradients->of_maps};
  }

  emulation::Cudnn& library_ = emulation::cudnn();
};

TEST_F(Cudnn, ComputesWhatUnfoldingDoes) {
  const auto [loss, gradients] = step();
  EXPECT_EQ(library_.forward, 2);
  EXPECT_EQ(library_.weights, 2);
  EXPECT_EQ(library_.images, 1) << "the first layer carries nothing";
  library_ = {.opens = false};
  const auto [unfolded_loss, unfolded] = step();
  EXPECT_EQ(library_.forward + library_.weights + library_.images, 0);
  EXPECT_NEAR(loss, unfolded_loss, 1e-5 * loss);
  ASSERT_EQ(gradients.size(), unfolded.size());
  for (std::size_t i = 0; i < gradients.size(); ++i)
    EXPECT_LT(naive::relative_difference(gradients[i], unfolded[i]), 1e-5) << i;
}

TEST_F(Cudnn, RoundsFactorsOnlyWherePrecisionSaysSo) {
  (void)step(Precision::fp32);
  EXPECT_EQ(library_.math, CUDNN_FMA_MATH);
  (void)step(Precision::tf32);
  EXPECT_EQ(library_.math, CUDNN_DEFAULT_MATH);
}

TEST_F(Cudnn, IsLeftAloneWithoutADeterministicAlgorithm) {
  library_.has_deterministic_algorithms = false;
  EXPECT_GT(step().first, 0);
  EXPECT_EQ(library_.forward + library_.weights + library_.images, 0);
}

TEST_F(Cudnn, IsNamedWithItsVersionOrAsMissing) {
  EXPECT_THAT(describe_gpu(0).versions, testing::HasSubstr("cuDNN 9.19.0"));
  library_.opens = false;
  EXPECT_THAT(describe_gpu(0).versions, testing::HasSubstr("libcudnn.so.9 is not found"));
  EXPECT_THAT(gpu_support(), testing::HasSubstr("cuDNN"));
}

}  // namespace
}  // namespace sibp
