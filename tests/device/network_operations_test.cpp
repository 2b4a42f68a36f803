// Activations, losses and batches on every device against the formulas, element by element.
#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"

#include "support/naive.hpp"
#include "support/test_device.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

const double tolerance = sizeof(Real) == 4 ? 1e-5 : 1e-13;
constexpr std::array activations{Activation::identity, Activation::relu,    Activation::leaky_relu,
                                 Activation::tanh,     Activation::sigmoid, Activation::gelu};

class NetworkOperations : public testing::Test {
 protected:
  std::shared_ptr<std::int32_t[]> upload(const std::vector<std::int32_t>& labels) {
    const auto size = static_cast<Index>(labels.size());
    auto on_device = device_->allocate_labels(size);
    device_->upload_labels(labels, {on_device.get(), size});
    return on_device;
  }

  std::unique_ptr<Device> device_ = testing_support::make_test_device();
};

TEST_F(NetworkOperations, ActivationsAndTheirDerivativesAreTheFormulas) {
  for (const auto& [rows, cols] : {std::pair<Index, Index>{0, 3}, {4, 0}, {1, 1}, {7, 5}})
    for (const Activation activation : activations) {
      const Dense g = naive::random(rows, cols, 1);
      const Dense d = naive::random(rows, cols, 2);
      const Matrix inputs = naive::upload(*device_, g);
      Matrix f = naive::upload(*device_, g);
      const Matrix difference = naive::upload(*device_, d);
      Matrix delta = device_->allocate(rows, cols);
      device_->activate(activation, f.view());
      device_->apply_derivative(activation, derivative_needs_input(activation) ? inputs.view() : f.view(),
                                difference.view(), delta.view());
      const Dense out = naive::download(*device_, f.view());
      const Dense s = naive::download(*device_, delta.view());
      for (Index c = 0; c < cols; ++c)
        for (Index r = 0; r < rows; ++r) {
          EXPECT_NEAR(out(r, c), naive::activate(activation, g(r, c)), tolerance);
          EXPECT_NEAR(s(r, c), d(r, c) * naive::derivative(activation, g(r, c)), 10 * tolerance);
        }
    }
}

TEST_F(NetworkOperations, DerivativesOfActivationsAreTheirSlopes) {
  constexpr double step = 1e-6;
  const Dense g = naive::random(13, 11, 1);
  const Matrix ones = naive::upload(*device_, Dense(13, 11, 1));
  for (const Activation activation : activations) {
    Matrix known = naive::upload(*device_, g);
    if (!derivative_needs_input(activation)) device_->activate(activation, known.view());
    device_->apply_derivative(activation, known.view(), ones.view(), known.view());  // in the place of an operand
    const Dense found = naive::download(*device_, known.view());
    for (Index c = 0; c < g.cols; ++c)
      for (Index r = 0; r < g.rows; ++r) {
        const double slope =
            (naive::activate(activation, g(r, c) + step) - naive::activate(activation, g(r, c) - step)) / (2 * step);
        EXPECT_NEAR(found(r, c), slope, 1e-5);
      }
  }
}

TEST_F(NetworkOperations, SoftmaxCrossEntropyIsTheFormulaAndDoesNotOverflow) {
  Dense f = naive::random(4, 6, 3);
  f(0, 5) = 5000;  // exp of this alone is infinite
  const std::vector<std::int32_t> labels{0, 1, 2, 3, 0, 1};
  const Matrix outputs = naive::upload(*device_, f);
  Matrix difference = device_->allocate(4, 6);
  const auto on_device = upload(labels);
  device_->softmax_cross_entropy(outputs.view(), {on_device.get(), 6}, 0, difference.view());
  const LossSums sums = device_->take_loss_sums();
  const Dense d = naive::download(*device_, difference.view());
  Matrix probabilities = naive::upload(*device_, f);
  device_->softmax(probabilities.view());
  const Dense p = naive::download(*device_, probabilities.view());
  double loss = 0;
  Index correct = 0;
  for (Index c = 0; c < 6; ++c) {
    const auto label = labels[static_cast<std::size_t>(c)];
    double largest = f(0, c);
    Index best = 0;
    for (Index r = 1; r < 4; ++r)
      if (f(r, c) > largest) largest = f(best = r, c);
    double total = 0;
    for (Index r = 0; r < 4; ++r) total += std::exp(f(r, c) - largest);
    loss += std::log(total) - (f(label, c) - largest);
    correct += best == label;
    for (Index r = 0; r < 4; ++r) {
      const double softmax = std::exp(f(r, c) - largest) / total;
      EXPECT_NEAR(p(r, c), softmax, tolerance);
      EXPECT_NEAR(d(r, c), softmax - (r == label), tolerance);
    }
  }
  EXPECT_NEAR(sums.loss, loss, 1e-5 * loss);
  EXPECT_EQ(sums.correct, correct);
}

TEST_F(NetworkOperations, SmoothedTargetsShareBetweenAllClasses) {
  constexpr double smoothing = 0.2;
  const std::vector<std::int32_t> labels{0, 3, 2, 4, 1};
  Dense f = naive::random(5, 5, 3);
  const auto loss = [&] {  // −Σ T log softmax(F)
    double sum = 0;
    for (Index c = 0; c < 5; ++c) {
      double total = 0;
      for (Index r = 0; r < 5; ++r) total += std::exp(f(r, c));
      for (Index r = 0; r < 5; ++r) {
        const double target = (r == labels[static_cast<std::size_t>(c)] ? 1 - smoothing : 0.0) + smoothing / 5;
        sum -= target * (f(r, c) - std::log(total));
      }
    }
    return sum;
  };
  const Matrix outputs = naive::upload(*device_, f);
  Matrix difference = device_->allocate(5, 5);
  const auto on_device = upload(labels);
  device_->softmax_cross_entropy(outputs.view(), {on_device.get(), 5}, smoothing, difference.view());
  EXPECT_NEAR(device_->take_loss_sums().loss, loss(), 1e-5 * loss());
  const Dense d = naive::download(*device_, difference.view());
  for (double& value : f.values) {
    constexpr double step = 1e-6;
    const double before = value;
    value = before + step;
    const double above = loss();
    value = before - step;
    const double slope = (above - loss()) / (2 * step);
    value = before;
    EXPECT_NEAR(d.values[static_cast<std::size_t>(&value - f.values.data())], slope, 1e-6 + tolerance);
  }
  EXPECT_THROW(device_->softmax_cross_entropy(outputs.view(), {on_device.get(), 5}, 1, difference.view()), Error);
}

TEST_F(NetworkOperations, SquaredErrorIsTheFormula) {
  const Dense f = naive::random(3, 5, 4);
  const std::vector<std::int32_t> labels{2, 1, 0, 0, 1};
  const Matrix outputs = naive::upload(*device_, f);
  Matrix difference = device_->allocate(3, 5);
  const auto on_device = upload(labels);
  device_->squared_error(outputs.view(), {on_device.get(), 5}, difference.view());
  const LossSums sums = device_->take_loss_sums();
  const Dense d = naive::download(*device_, difference.view());
  double loss = 0;
  for (Index c = 0; c < 5; ++c)
    for (Index r = 0; r < 3; ++r) {
      const double residual = f(r, c) - (r == labels[static_cast<std::size_t>(c)]);
      EXPECT_NEAR(d(r, c), residual, tolerance);
      loss += residual * residual / 2;
    }
  EXPECT_NEAR(sums.loss, loss, 1e-5 * loss);
}

TEST_F(NetworkOperations, LossesOfNoSamplesAreZero) {
  Matrix none = device_->allocate(3, 0);
  device_->softmax_cross_entropy(none.view(), {}, 0, none.view());
  device_->squared_error(none.view(), {}, none.view());
  const LossSums sums = device_->take_loss_sums();
  EXPECT_EQ(sums.loss, 0);
  EXPECT_EQ(sums.correct, 0);
}

TEST_F(NetworkOperations, LossesAddUpUntilTheyAreTaken) {
  const Matrix outputs = naive::upload(*device_, naive::random(3, 5, 4));
  Matrix difference = device_->allocate(3, 5);
  const auto labels = upload({2, 1, 0, 0, 1});
  device_->squared_error(outputs.view(), {labels.get(), 5}, difference.view());
  const LossSums once = device_->take_loss_sums();
  EXPECT_GT(once.loss, 0);
  for (int k = 0; k < 3; ++k) device_->squared_error(outputs.view(), {labels.get(), 5}, difference.view());
  Matrix probabilities = naive::upload(*device_, naive::random(3, 5, 4));
  device_->softmax(probabilities.view());  // has no part in it
  const LossSums sums = device_->take_loss_sums();
  EXPECT_NEAR(sums.loss, 3 * once.loss, 1e-12 * sums.loss);
  EXPECT_EQ(sums.correct, 3 * once.correct);
  EXPECT_EQ(device_->take_loss_sums().loss, 0);
}

/// Batches of samples that a device has in its memory, or had to leave in the host's.
class Batches : public NetworkOperations, public testing::WithParamInterface<bool> {};

INSTANTIATE_TEST_SUITE_P(Memory, Batches, testing::Bool());

TEST_P(Batches, AreGatheredAndNormalised) {
  if (GetParam()) device_->keep_free(std::numeric_limits<std::int64_t>::max());
  Samples samples;
  samples.shape = {1, 1, 3};
  samples.pixels = {0, 10, 255, 1, 2, 3, 100, 101, 102};
  samples.labels = {7, 8, 9};
  const auto store = device_->store(samples);
  EXPECT_EQ(store->size(), 3);
  EXPECT_EQ(store->features(), 3);
  const Matrix shift = naive::upload(*device_, [] {
    Dense d(3, 1);
    d.values = {1, 2, 3};
    return d;
  }());
  const Matrix scale = naive::upload(*device_, [] {
    Dense d(3, 1);
    d.values = {0.5, 2, 1};
    return d;
  }());
  Matrix inputs = device_->allocate(4, 4);  // with a row of ones below, as in a workspace
  auto labels = device_->allocate_labels(4);
  const std::vector<Index> columns{2, 0, 2, 1};
  device_->load_batch(*store, columns, shift.view(), scale.view(), inputs.view().top_rows(3), {labels.get(), 4});
  const Dense x = naive::download(*device_, inputs.view());
  std::vector<std::int32_t> loaded(4);
  device_->download_labels({labels.get(), 4}, loaded);
  for (Index k = 0; k < 4; ++k) {
    const Index j = columns[static_cast<std::size_t>(k)];
    EXPECT_EQ(loaded[static_cast<std::size_t>(k)], samples.labels[static_cast<std::size_t>(j)]);
    for (Index r = 0; r < 3; ++r) {
      const double factor = std::vector{0.5, 2.0, 1.0}[static_cast<std::size_t>(r)];
      const double byte = samples.pixels[static_cast<std::size_t>(3 * j + r)];
      EXPECT_NEAR(x(r, k), factor * (byte - static_cast<double>(r + 1)), tolerance);
    }
    EXPECT_EQ(x(3, k), 0);
  }
  const std::vector<Index> beyond{3};
  EXPECT_THROW(device_->load_batch(*store, beyond, shift.view(), scale.view(), inputs.view().block(0, 0, 3, 1),
                                   {labels.get(), 1}),
               Error);
  device_->load_batch(*store, {}, shift.view(), scale.view(), inputs.view().block(0, 0, 3, 0), {labels.get(), 0});
}

TEST_P(Batches, OfFloatsAreGatheredAndNormalised) {
  if (GetParam()) device_->keep_free(std::numeric_limits<std::int64_t>::max());
  const std::vector<float> values{0.5F, -10, 255, 1e-3F, 2, 3};
  const auto* first = reinterpret_cast<const std::uint8_t*>(values.data());
  const auto store =
      device_->store({{1, 1, 2}, {first, first + sizeof(float) * values.size()}, {4, 5, 6}, FeatureType::float32});
  const Matrix shift = naive::upload(*device_, [] {
    Dense d(2, 1);
    d.values = {1, -2};
    return d;
  }());
  const Matrix scale = naive::upload(*device_, [] {
    Dense d(2, 1);
    d.values = {0.5, 2};
    return d;
  }());
  Matrix inputs = device_->allocate(2, 2);
  auto labels = device_->allocate_labels(2);
  const std::vector<Index> columns{2, 0};
  device_->load_batch(*store, columns, shift.view(), scale.view(), inputs.view(), {labels.get(), 2});
  const Dense x = naive::download(*device_, inputs.view());
  EXPECT_NEAR(x(0, 0), 0.5 * (2 - 1), tolerance);
  EXPECT_NEAR(x(1, 0), 2.0 * (3 + 2), tolerance);
  EXPECT_NEAR(x(0, 1), 0.5 * (0.5 - 1), tolerance);
  EXPECT_NEAR(x(1, 1), 2.0 * (-10 + 2), tolerance);
}

/// A picture changed step by step, as pixels (row, column, channel).
std::vector<double> changed(const PictureChange& change, const TensorShape& shape, const std::vector<double>& picture) {
  const auto at = [&](Index row, Index column, Index channel) {
    return static_cast<std::size_t>((row * shape.width + column) * shape.channels + channel);
  };
  std::vector<double> result(picture.size(), 0);
  for (Index row = 0; row < shape.height; ++row) {
    for (Index column = 0; column < shape.width; ++column) {
      const Index mirrored = change.mirrored ? shape.width - 1 - column : column;
      const Index to_row = row + change.down;
      const Index to_column = mirrored + change.right;
      const bool outside = to_row < 0 || to_row >= shape.height || to_column < 0 || to_column >= shape.width;
      const bool in_hole = to_row >= change.hole_top && to_row < change.hole_top + change.hole_size &&
                           to_column >= change.hole_left && to_column < change.hole_left + change.hole_size;
      for (Index channel = 0; channel < shape.channels && !outside; ++channel)
        result[at(to_row, to_column, channel)] = in_hole ? 0 : picture[at(row, column, channel)];
    }
  }
  return result;
}

const std::vector<PictureChange>& some_changes() {
  static const std::vector<PictureChange> changes{
      {},
      {.mirrored = true},
      {.down = 1, .right = -2},
      {.mirrored = true, .down = -2, .right = 1},
      {.mirrored = true, .down = 1, .right = -1, .hole_top = 1, .hole_left = 0, .hole_size = 2},
      {.hole_top = 1, .hole_left = 2, .hole_size = 2},
      {.hole_top = -1, .hole_left = 3, .hole_size = 3},  // partly beside the picture
      {.mirrored = true, .down = 3},                     // nothing is left
      {.right = 5},
      {.right = -9}};
  return changes;
}

TEST_P(Batches, PicturesAreChangedOnTheWay) {
  if (GetParam()) device_->keep_free(std::numeric_limits<std::int64_t>::max());
  for (const TensorShape& shape : {TensorShape{3, 4, 2}, TensorShape{4, 3, 1}, TensorShape{3, 5, 3}}) {
    const Index features = shape.size();
    const auto count = static_cast<Index>(some_changes().size());
    Samples samples{shape, std::vector<std::uint8_t>(static_cast<std::size_t>(4 * features)), {0, 1, 2, 3}};
    for (std::size_t k = 0; k < samples.pixels.size(); ++k) samples.pixels[k] = static_cast<std::uint8_t>(k * 37 % 251);
    const auto store = device_->store(samples);
    EXPECT_EQ(store->shape(), shape);
    const Dense shift = naive::random(features, 1, 1);
    const Dense scale = naive::random(features, 1, 2);
    const Matrix device_shift = naive::upload(*device_, shift);
    const Matrix device_scale = naive::upload(*device_, scale);
    Matrix inputs = device_->allocate(features + 1, count);
    const auto labels = device_->allocate_labels(count);
    std::vector<Index> columns;
    for (Index k = 0; k < count; ++k) columns.push_back(k * 3 % 4);
    device_->load_batch(*store, columns, device_shift.view(), device_scale.view(), inputs.view().top_rows(features),
                        {labels.get(), count}, some_changes());
    const Dense x = naive::download(*device_, inputs.view());
    for (Index k = 0; k < count; ++k) {
      const auto sample = samples.sample(columns[static_cast<std::size_t>(k)]);
      std::vector<double> normalised;
      for (Index i = 0; i < features; ++i)
        normalised.push_back(scale(i, 0) * (sample[static_cast<std::size_t>(i)] - shift(i, 0)));
      const std::vector<double> expected = changed(some_changes()[static_cast<std::size_t>(k)], shape, normalised);
      for (Index i = 0; i < features; ++i)
        EXPECT_NEAR(x(i, k), expected[static_cast<std::size_t>(i)], 255 * tolerance) << "change " << k << ", " << i;
      EXPECT_EQ(x(features, k), 0);
    }
    EXPECT_THROW(
        device_->load_batch(*store, columns, device_shift.view(), device_scale.view(), inputs.view().top_rows(features),
                            {labels.get(), count}, std::span(some_changes()).first(1)),
        Error);
  }
}

}  // namespace
}  // namespace sibp
