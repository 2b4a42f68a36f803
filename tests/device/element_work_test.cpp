// What the GPU's kernels do with single elements, run on the host against the CPU device: on views inside larger
// matrices.
#include "device/element_work.hpp"

#include "sibp/device/device.hpp"

#include "device/channel_work.hpp"
#include "device/window_work.hpp"
#include "support/naive.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

const double tolerance = sizeof(Real) == 4 ? 1e-6 : 1e-14;
constexpr double exactly = std::numeric_limits<double>::min();

/// What a kernel does, one element after the other, the last first: the order must not matter.
template <class Work>
void run(Index rows, Index cols, const Work& work) {
  for (Index c = cols; c-- > 0;)
    for (Index r = rows; r-- > 0;) work(r, c);
}

class ElementWork : public testing::Test {
 protected:
  /// Two equal matrices, each the middle of a larger one: the work is done on one, the device's operation on the other.
  struct Twins {
    Matrix first, second;
    MatrixView worked, expected;
  };
  Twins twins(std::uint64_t seed, Index rows, Index cols) {
    const Dense content = naive::random(rows + 3, cols + 2, seed);
    Twins made{naive::upload(*device_, content), naive::upload(*device_, content), {}, {}};
    made.worked = made.first.view().block(1, 1, rows, cols);
    made.expected = made.second.view().block(1, 1, rows, cols);
    return made;
  }
  void expect_equal(Twins& twins, double error = tolerance) {
    EXPECT_LT(naive::relative_difference(naive::download(*device_, twins.first.view()),
                                         naive::download(*device_, twins.second.view())),
              error);
  }

  std::unique_ptr<Device> device_ = make_cpu_device(1);
};

TEST_F(ElementWork, FillScaleAndAxpy) {
  Twins a = twins(1, 5, 4);
  Twins b = twins(2, 5, 4);
  run(5, 4, work::Axpy{Real(0.3), a.worked, b.worked});
  device_->axpy(Real(0.3), a.expected, b.expected);
  run(5, 4, work::Scale{Real(-2), a.worked});
  device_->scale(-2, a.expected);
  expect_equal(a);
  expect_equal(b);
  run(5, 4, work::Fill{a.worked, 3});
  device_->fill(a.expected, 3);
  expect_equal(a);
}

TEST_F(ElementWork, ScaledTriangle) {
  Twins a = twins(1, 6, 6);
  const Matrix none = device_->allocate(6, 0);
  run(6, 6, work::ScaleTriangle{Real(0.5), a.worked});
  device_->syrk(Op::none, 1, none.view(), Real(0.5), a.expected);
  expect_equal(a);
  a.worked(3, 1) = a.expected(3, 1) = std::numeric_limits<Real>::quiet_NaN();
  run(6, 6, work::ScaleTriangle{0, a.worked});
  device_->syrk(Op::none, 1, none.view(), 0, a.expected);
  expect_equal(a);
}

TEST_F(ElementWork, Triangles) {
  for (const Index n : {1, 2, 7}) {
    Twins a = twins(1, n, n);
    const Index size = n * (n + 1) / 2;
    Matrix packed = device_->allocate(size, 1);
    Matrix expected = device_->allocate(size, 1);
    run(n, n, work::PackTriangle{a.worked, packed.view().data});
    device_->pack_triangle(a.expected, expected.view());
    EXPECT_EQ(naive::download(*device_, packed.view()).values, naive::download(*device_, expected.view()).values);
    device_->scale(2, packed.view());
    device_->scale(2, expected.view());
    run(n, n, work::UnpackTriangle{packed.view().data, a.worked});
    device_->unpack_triangle(expected.view(), a.expected);
    expect_equal(a);
  }
}

TEST_F(ElementWork, CombinedRows) {
  Twins x = twins(1, 5, 3);
  Twins y = twins(2, 5, 3);
  const std::vector<double> alpha{1, 2, 3, 4, 5};
  const std::vector<double> beta{-1, 0, 0.5, 2, 3};
  run(5, 3, work::CombineRows{alpha.data(), x.worked, beta.data(), y.worked});
  device_->combine_rows(alpha, x.expected, beta, y.expected);
  expect_equal(y);
}

TEST_F(ElementWork, ActivationsAndTheirDerivatives) {
  for (const Activation activation : {Activation::identity, Activation::relu, Activation::leaky_relu, Activation::tanh,
                                      Activation::sigmoid, Activation::gelu}) {
    Twins f = twins(1, 7, 5);
    const Twins d = twins(2, 7, 5);
    Twins s = twins(3, 7, 5);
    run(7, 5, work::Activate{activation, f.worked});
    device_->activate(activation, f.expected);
    expect_equal(f);
    run(7, 5, work::ApplyDerivative{activation, f.worked, d.worked, s.worked});
    device_->apply_derivative(activation, f.expected, d.expected, s.expected);
    expect_equal(s, 3 * tolerance);
    const Real nan = std::numeric_limits<Real>::quiet_NaN();
    EXPECT_TRUE(std::isnan(work::activated(activation, nan))) << "divergence must not be hidden";
  }
}

TEST_F(ElementWork, StepsOfOptimisers) {
  const Twins gradient = twins(1, 4, 6);
  Twins v = twins(2, 4, 6);
  Twins w = twins(3, 4, 6);
  for (const bool nesterov : {false, true}) {
    const MomentumStep step{.rate = 0.3, .momentum = 0.8, .weight_decay = 0.05, .nesterov = nesterov};
    run(4, 6, work::Momentum(step, gradient.worked, v.worked, w.worked));
    device_->momentum_step(step, gradient.expected, v.expected, w.expected);
  }
  expect_equal(v);
  expect_equal(w);
  Twins m = twins(4, 4, 6);
  const AdamStep step{.rate = 0.1,
                      .beta1 = 0.7,
                      .beta2 = 0.999,
                      .epsilon = 0.01,
                      .weight_decay = 0.05,
                      .first_correction = 0.5,
                      .second_correction = 0.2};
  for (MatrixView second : {v.worked, v.expected})
    for (Index c = 0; c < 6; ++c)
      for (Index r = 0; r < 4; ++r) second(r, c) *= second(r, c);  // a mean of squares
  run(4, 6, work::Adam(step, gradient.worked, m.worked, v.worked, w.worked));
  device_->adam_step(step, gradient.expected, m.expected, v.expected, w.expected);
  expect_equal(m);
  expect_equal(v);
  expect_equal(w, 3 * tolerance);
}

TEST_F(ElementWork, PatchesAndPooling) {
  for (const Window& window :
       {Window{{5, 7, 3}, 3, 3, 1, 1}, Window{{6, 4, 2}, 2, 2, 2, 0}, Window{{7, 5, 4}, 3, 2, 2, 1}}) {
    const Index inputs = window.input.size();
    const Index outputs = window.places() * window.input.channels;
    const Index first = window.places() / 2;
    const Index count = 2 * window.places();
    Twins x = twins(1, inputs, 3);
    Twins patches = twins(2, window.patch() + 1, count);
    run(window.patch() + 1, count, work::Unfold{window, x.worked, first, patches.worked});
    device_->unfold(window, x.expected, first, patches.expected);
    expect_equal(patches, exactly);
    run(inputs, 3, work::Fold{window, patches.worked.top_rows(window.patch()), first, x.worked});
    device_->fold(window, patches.expected.top_rows(window.patch()), first, x.expected);
    expect_equal(x, exactly);

    Twins y = twins(3, outputs, 3);
    Twins dy = twins(4, outputs, 3);
    Twins dx = twins(5, inputs, 3);
    run(outputs, 3, work::MeanPool{window, x.worked, y.worked});
    device_->mean_pool(window, x.expected, y.expected);
    expect_equal(y);
    run(outputs, 3, work::MaxPool{window, x.worked, y.worked});
    device_->max_pool(window, x.expected, y.expected);
    expect_equal(y, exactly);
    for (const Real beta : {Real(1), Real(0)}) {
      run(inputs, 3, work::MaxPoolBackward{window, x.worked, y.worked, dy.worked, beta, dx.worked});
      device_->max_pool_backward(window, x.expected, y.expected, dy.expected, beta, dx.expected);
      expect_equal(dx);
      run(inputs, 3, work::MeanPoolBackward{window, dy.worked, beta, dx.worked});
      device_->mean_pool_backward(window, dy.expected, beta, dx.expected);
      expect_equal(dx);
    }
  }
}

TEST_F(ElementWork, ChannelsAndDropout) {
  constexpr Index channels = 3;
  const std::vector<double> given = naive::random(channels, 4, 9).values;
  for (const bool per_sample : {false, true})
    for (const Activation activation : {Activation::identity, Activation::gelu}) {
      Twins x = twins(1, 5 * channels, 4);
      Twins z = twins(2, 5 * channels, 4);
      Twins y = twins(3, 5 * channels, 4);
      const auto one = std::span(given).first(per_sample ? channels * 4 : channels);
      run(5 * channels, 4,
          work::CombineChannels{channels, one.data(), one.data(), one.data(), per_sample ? channels : 0, x.worked,
                                z.worked, activation, 1, y.worked});
      device_->combine_channels(channels, {one, one, one}, x.expected, z.expected, activation, 1, y.expected);
      expect_equal(y, 3 * tolerance);
      run(5 * channels, 4,
          work::CombineChannels{channels,
                                one.data(),
                                nullptr,
                                one.data(),
                                per_sample ? channels : 0,
                                x.worked,
                                {},
                                activation,
                                0,
                                y.worked});
      device_->combine_channels(channels, {one, {}, one}, x.expected, {}, activation, 0, y.expected);
      expect_equal(y, 3 * tolerance);
      const std::vector<std::uint64_t> keys{1, 2, 3, 4};
      run(5 * channels, 4, work::Dropout(0.4, keys.data(), x.worked, x.worked));
      device_->dropout(0.4, keys, x.expected, x.expected);
      expect_equal(x, exactly);
    }
}

TEST_F(ElementWork, BatchesOfFloats) {
  const std::vector<float> values{0.5F, -10, 255, 1e-3F, 2, 3};
  const auto* first = reinterpret_cast<const std::uint8_t*>(values.data());
  Samples samples{{1, 1, 3}, {first, first + sizeof(float) * values.size()}, {7, 8}, FeatureType::float32};
  const Matrix shift = naive::upload(*device_, naive::random(3, 1, 1));
  const Matrix scale = naive::upload(*device_, naive::random(3, 1, 2));
  Twins inputs = twins(3, 3, 3);
  const std::vector<Index> columns{1, 0, 1};
  run(3, 3,
      work::LoadInputs{work::StoredFeatures(samples.pixels.data(), samples.type), columns.data(), shift.view(),
                       scale.view(), inputs.worked});
  const auto store = device_->store(samples);
  auto labels = device_->allocate_labels(3);
  device_->load_batch(*store, columns, shift.view(), scale.view(), inputs.expected, {labels.get(), 3});
  expect_equal(inputs);
}

TEST_F(ElementWork, Batches) {
  Samples samples;
  samples.shape = {1, 1, 3};
  samples.pixels = {0, 10, 255, 1, 2, 3, 100, 101, 102};
  samples.labels = {7, 8, 9};
  const Matrix shift = naive::upload(*device_, naive::random(3, 1, 1));
  const Matrix scale = naive::upload(*device_, naive::random(3, 1, 2));
  Twins inputs = twins(3, 3, 4);
  std::vector<std::int32_t> labels(4);
  auto expected = device_->allocate_labels(4);
  const std::vector<Index> columns{2, 0, 2, 1};
  run(3, 4,
      work::LoadInputs{work::StoredFeatures(samples.pixels.data(), samples.type), columns.data(), shift.view(),
                       scale.view(), inputs.worked});
  run(4, 1, work::LoadLabels{samples.labels.data(), columns.data(), labels.data()});
  const auto store = device_->store(samples);
  device_->load_batch(*store, columns, shift.view(), scale.view(), inputs.expected, {expected.get(), 4});
  expect_equal(inputs);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(labels[k], expected[static_cast<std::ptrdiff_t>(k)]);

  // Without columns the samples come in their own order.
  run(3, 3,
      work::LoadInputs{work::StoredFeatures(samples.pixels.data(), samples.type), nullptr, shift.view(), scale.view(),
                       inputs.worked.left_cols(3)});
  const std::vector<Index> in_order{0, 1, 2};
  device_->load_batch(*store, in_order, shift.view(), scale.view(), inputs.expected.left_cols(3), {expected.get(), 3});
  expect_equal(inputs);
}

TEST_F(ElementWork, ChangedPictures) {
  const TensorShape shape{3, 4, 2};
  Samples samples{shape, std::vector<std::uint8_t>(48), {0, 1}};
  for (std::size_t k = 0; k < 48; ++k) samples.pixels[k] = static_cast<std::uint8_t>(5 * k);
  const Matrix shift = naive::upload(*device_, naive::random(24, 1, 1));
  const Matrix scale = naive::upload(*device_, naive::random(24, 1, 2));
  Twins inputs = twins(3, 24, 3);
  const auto labels = device_->allocate_labels(3);
  const std::vector<Index> columns{1, 0, 1};
  const std::vector<PictureChange> changes{
      {.mirrored = true, .down = 1, .right = -1}, {.hole_top = 1, .hole_left = 1, .hole_size = 2}, {.mirrored = true}};
  const work::LoadInputs unchanged{work::StoredFeatures(samples.pixels.data(), samples.type), columns.data(),
                                   shift.view(), scale.view(), inputs.worked};
  run(24, 3, work::LoadPictures{unchanged, changes.data(), shape});
  const auto store = device_->store(samples);
  device_->load_batch(*store, columns, shift.view(), scale.view(), inputs.expected, {labels.get(), 3}, changes);
  expect_equal(inputs);
}

}  // namespace
}  // namespace sibp
