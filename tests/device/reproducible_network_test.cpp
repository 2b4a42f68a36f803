// The reproducible device: what becomes of a sample depends on that sample alone, bit by bit.
#include "sibp/device/device.hpp"

#include "support/naive.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

constexpr Index samples = 5;

class ReproducibleNetwork : public testing::Test {
 protected:
  /// Whether `operation(x, y)` makes of all samples at once what it makes of one after the other, the last first, and
  /// of samples that lie apart. y has `outputs` rows.
  void expect_no_neighbours(Index inputs, Index outputs,
                            const std::function<void(Index first, ConstMatrixView, MatrixView)>& operation) {
    const Matrix x = naive::upload(*device_, naive::random(inputs, samples, 1));
    const Dense start = naive::random(outputs, samples, 2);
    Matrix together = naive::upload(*device_, start);
    operation(0, x.view(), together.view());
    Matrix alone = naive::upload(*device_, start);
    for (Index c = samples; c-- > 0;)
      operation(c, x.view().block(0, c, inputs, 1), alone.view().block(0, c, outputs, 1));
    EXPECT_EQ(naive::download(*device_, alone.view()).values, naive::download(*device_, together.view()).values);
    Matrix apart_in = device_->allocate(inputs + 1, samples);  // other addresses, too
    Matrix apart_out = device_->allocate(outputs + 3, samples);
    const MatrixView in = apart_in.view().block(1, 0, inputs, samples);
    const MatrixView out = apart_out.view().block(3, 0, outputs, samples);
    device_->copy(x.view(), in);
    device_->upload(std::vector<Real>(start.values.begin(), start.values.end()), out);
    operation(0, in, out);
    EXPECT_EQ(naive::download(*device_, out).values, naive::download(*device_, together.view()).values);
  }

  std::unique_ptr<Device> device_ = make_reproducible_device(1);
};

constexpr std::array activations{Activation::identity, Activation::relu,    Activation::leaky_relu,
                                 Activation::tanh,     Activation::sigmoid, Activation::gelu};

TEST_F(ReproducibleNetwork, ActivationsAndDerivatives) {
  for (const Index rows : {1, 7, 33, 100})
    for (const Activation activation : activations) {
      expect_no_neighbours(rows, rows, [&](Index, ConstMatrixView x, MatrixView y) {
        device_->copy(x, y);
        device_->activate(activation, y);
      });
      expect_no_neighbours(
          rows, rows, [&](Index, ConstMatrixView x, MatrixView y) { device_->apply_derivative(activation, x, y, y); });
    }
}

TEST_F(ReproducibleNetwork, CombinationsOfChannels) {
  for (const auto& [channels, pixels] : {std::pair<Index, Index>{3, 35}, {100, 1}, {17, 9}, {300, 3}})
    for (const Activation activation : activations)
      for (const bool per_sample : {false, true}) {
        const auto numbers = naive::random(channels, samples, 3).values;
        const Index rows = channels * pixels;
        expect_no_neighbours(rows, rows, [&](Index first, ConstMatrixView x, MatrixView y) {
          const auto given =
              std::span(numbers).subspan(static_cast<std::size_t>(per_sample ? first * channels : 0),
                                         static_cast<std::size_t>(per_sample ? x.cols * channels : channels));
          device_->combine_channels(channels, {given, given, given}, x, x, activation, 1, y);
        });
      }
}

TEST_F(ReproducibleNetwork, PatchesAndPooling) {
  for (const Window& window : {Window{{6, 6, 5}, 2, 2, 2, 0}, Window{{5, 7, 17}, 3, 3, 2, 1}}) {
    const Index inputs = window.input.size();
    const Index outputs = window.places() * window.input.channels;
    expect_no_neighbours(inputs, outputs, [&](Index, auto x, auto y) { device_->max_pool(window, x, y); });
    expect_no_neighbours(inputs, outputs, [&](Index, auto x, auto y) { device_->mean_pool(window, x, y); });
    for (const Real beta : {Real(0), Real(1)}) {
      expect_no_neighbours(outputs, inputs,
                           [&](Index, auto dy, auto dx) { device_->mean_pool_backward(window, dy, beta, dx); });
      expect_no_neighbours(inputs, inputs, [&](Index, auto x, auto dx) {
        Matrix y = device_->allocate(outputs, x.cols);
        device_->max_pool(window, x, y.view());
        device_->max_pool_backward(window, x, y.view(), y.view(), beta, dx);
      });
    }
    expect_no_neighbours(inputs, inputs, [&](Index, auto x, auto y) {
      Matrix patches = device_->allocate(window.patch(), x.cols * window.places());
      device_->unfold(window, x, 0, patches.view());
      device_->fold(window, patches.view(), 0, y);
    });
  }
}

TEST_F(ReproducibleNetwork, LossesWithSmoothedTargets) {
  const auto labels = device_->allocate_labels(samples);
  std::vector<double> losses;
  expect_no_neighbours(10, 10, [&](Index, ConstMatrixView x, MatrixView y) {
    device_->softmax_cross_entropy(x, {labels.get(), x.cols}, 0.1, y);
    losses.push_back(device_->take_loss_sums().loss);
  });
  double one_by_one = 0;
  for (std::size_t k = 1; k <= samples; ++k) one_by_one += losses[k];
  EXPECT_EQ(one_by_one, losses.front()) << "in another order";
}

}  // namespace
}  // namespace sibp
