// Sums and combinations of channels, and dropout, on every device against plain loops.
#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"

#include "support/naive.hpp"
#include "support/test_device.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

const double tolerance = sizeof(Real) == 4 ? 1e-5 : 1e-13;

struct Shape {
  Index channels, pixels, samples;
  bool apart;  ///< whether there is a gap between columns
};

class Channels : public testing::TestWithParam<Shape> {
 protected:
  Matrix upload(const Dense& content) {
    Dense whole(content.rows + 1, content.cols, 7);
    for (Index c = 0; c < content.cols; ++c)
      for (Index r = 0; r < content.rows; ++r) whole(r, c) = content(r, c);
    return naive::upload(*device_, shape_.apart ? whole : content);
  }
  MatrixView view(Matrix& matrix) const { return matrix.view().top_rows(rows_); }
  Dense random(std::uint64_t seed) const { return naive::random(rows_, shape_.samples, seed); }
  std::vector<double> coefficients(std::uint64_t seed, bool per_sample) const {
    return naive::random(shape_.channels, per_sample ? shape_.samples : 1, seed).values;
  }

  std::unique_ptr<Device> device_ = testing_support::make_test_device();
  Shape shape_ = GetParam();
  Index rows_ = shape_.channels * shape_.pixels;
};

INSTANTIATE_TEST_SUITE_P(Shapes, Channels,
                         testing::Values(Shape{1, 1, 1, false}, Shape{3, 25, 4, false}, Shape{3, 25, 4, true},
                                         Shape{64, 16, 5, false}, Shape{300, 1, 7, true}, Shape{300, 3, 7, false},
                                         Shape{17, 70, 2, true}, Shape{1, 1000, 3, false}, Shape{16, 1024, 2, false},
                                         Shape{2, 3, 70, false}));

TEST_P(Channels, SumsAreThoseOfPlainLoops) {
  const Dense a = random(1);
  const Dense b = random(2);
  Matrix x = upload(a);
  Matrix z = upload(b);
  const auto channels = static_cast<std::size_t>(shape_.channels);
  std::vector<double> expected(2 * channels * static_cast<std::size_t>(shape_.samples));
  std::vector<double> of_all(2 * channels);
  for (Index c = 0; c < shape_.samples; ++c)
    for (Index r = 0; r < rows_; ++r) {
      const auto channel = static_cast<std::size_t>(r % shape_.channels);
      double* of_sample = &expected[2 * channels * static_cast<std::size_t>(c)];
      of_sample[channel] += a(r, c);
      of_sample[channels + channel] += a(r, c) * b(r, c);
      of_all[channel] += a(r, c);
      of_all[channels + channel] += a(r, c) * b(r, c);
    }
  std::vector<double> sums(expected.size(), NAN);
  device_->channel_sums(shape_.channels, view(x), view(z), sums);
  for (std::size_t k = 0; k < sums.size(); ++k) EXPECT_NEAR(sums[k], expected[k], 1e-11) << k;
  std::vector<double> total(of_all.size(), NAN);
  device_->channel_sums(shape_.channels, view(x), view(z), total);
  for (std::size_t k = 0; k < total.size(); ++k) EXPECT_NEAR(total[k], of_all[k], 1e-11) << k;
  device_->channel_sums(shape_.channels, view(x), view(x), total);
  for (std::size_t k = channels; k < total.size(); ++k) EXPECT_GE(total[k], 0);
}

TEST_P(Channels, SumsOfASampleDoNotDependOnItsNeighbours) {
  Matrix x = upload(random(1));
  Matrix z = upload(random(2));
  const auto size = static_cast<std::size_t>(2 * shape_.channels);
  std::vector<double> sums(size * static_cast<std::size_t>(shape_.samples));
  device_->channel_sums(shape_.channels, view(x), view(z), sums);
  for (Index c = 0; c < shape_.samples; ++c) {
    std::vector<double> alone(size);
    device_->channel_sums(shape_.channels, view(x).block(0, c, rows_, 1), view(z).block(0, c, rows_, 1), alone);
    const auto first = sums.begin() + static_cast<std::ptrdiff_t>(size) * c;
    EXPECT_EQ(alone, std::vector<double>(first, first + static_cast<std::ptrdiff_t>(size)));
  }
}

TEST_P(Channels, CombinationsAreTheFormula) {
  const Dense a = random(1);
  const Dense b = random(2);
  const Dense before = random(3);
  for (const Activation activation : {Activation::identity, Activation::relu, Activation::leaky_relu, Activation::tanh,
                                      Activation::sigmoid, Activation::gelu})
    for (const bool per_sample : {false, true})
      for (const bool has_z : {false, true})
        for (const Real beta : {Real(0), Real(1), Real(0.5)}) {
          const auto of_x = coefficients(4, per_sample);
          const auto of_z = coefficients(5, per_sample);
          const auto constant = coefficients(6, per_sample);
          Dense expected = before;
          for (Index c = 0; c < shape_.samples; ++c)
            for (Index r = 0; r < rows_; ++r) {
              const auto k =
                  static_cast<std::size_t>(r % shape_.channels + (per_sample ? c : Index{0}) * shape_.channels);
              const double sum = of_x[k] * a(r, c) + (has_z ? of_z[k] * b(r, c) : 0.0) + constant[k];
              expected(r, c) = naive::activate(activation, sum) + static_cast<double>(beta) * before(r, c);
            }
          Matrix x = upload(a);
          Matrix z = upload(b);
          Matrix y = upload(before);
          if (beta == 0) device_->fill(view(y), std::numeric_limits<Real>::quiet_NaN());
          const ChannelCoefficients given{of_x, has_z ? std::span<const double>(of_z) : std::span<const double>(),
                                          constant};
          const ConstMatrixView second = has_z ? view(z) : ConstMatrixView{};
          device_->combine_channels(shape_.channels, given, view(x), second, activation, beta, view(y));
          EXPECT_LT(naive::relative_difference(naive::download(*device_, view(y)), expected), tolerance);
          if (shape_.apart) {
            EXPECT_EQ(naive::download(*device_, y.view())(rows_, 0), 7);
          }
        }
}

TEST_P(Channels, CombinationsMayTakeThePlaceOfAnOperand) {
  const auto of_x = coefficients(4, false);
  const auto of_z = coefficients(5, false);
  const auto constant = coefficients(6, false);
  const ChannelCoefficients given{of_x, of_z, constant};
  for (const Activation activation : {Activation::relu, Activation::tanh}) {
    Matrix x = upload(random(1));
    Matrix z = upload(random(2));
    Matrix y = upload(random(3));
    device_->combine_channels(shape_.channels, given, view(x), view(z), activation, 0, view(y));
    Matrix first = upload(random(1));
    device_->combine_channels(shape_.channels, given, view(first), view(z), activation, 0, view(first));
    Matrix second = upload(random(2));
    device_->combine_channels(shape_.channels, given, view(x), view(second), activation, 0, view(second));
    const Dense expected = naive::download(*device_, view(y));
    EXPECT_EQ(naive::download(*device_, view(first)).values, expected.values);
    EXPECT_EQ(naive::download(*device_, view(second)).values, expected.values);
  }
}

TEST_P(Channels, NoSamplesHaveSumsOfZero) {
  Matrix none = device_->allocate(rows_, 0);
  std::vector<double> sums(static_cast<std::size_t>(2 * shape_.channels), 5);
  device_->channel_sums(shape_.channels, none.view(), none.view(), sums);
  EXPECT_EQ(sums, std::vector<double>(sums.size()));
  const auto of_x = coefficients(4, false);
  device_->combine_channels(shape_.channels, {of_x, {}, of_x}, none.view(), {}, Activation::relu, 0, none.view());
  device_->dropout(0.5, {}, none.view(), none.view());
}

TEST(ChannelsOf, ShapesThatDoNotFitAreErrors) {
  const auto device = testing_support::make_test_device();
  Matrix x = device->allocate(6, 2);
  std::vector<double> six(6);
  std::vector<double> four(4);
  EXPECT_THROW(device->channel_sums(4, x.view(), x.view(), six), Error) << "6 rows of 4 channels";
  EXPECT_THROW(device->channel_sums(2, x.view(), x.view(), six), Error);
  EXPECT_THROW(device->channel_sums(2, x.view(), x.view().left_cols(1), four), Error);
  const auto combine = [&](const std::vector<double>& a, const std::vector<double>& b, const std::vector<double>& c) {
    device->combine_channels(3, {a, b, c}, x.view(), x.view(), Activation::identity, 0, x.view());
  };
  EXPECT_NO_THROW(combine(six, six, six));
  EXPECT_THROW(combine(six, {}, six), Error);
  EXPECT_THROW(combine(six, six, four), Error);
  EXPECT_THROW(combine(four, four, four), Error);
}

TEST(Dropout, DropsAtItsRateAndScalesTheRest) {
  const auto device = testing_support::make_test_device();
  constexpr Index rows = 1000;
  const Dense input = naive::random(rows, 20, 1);
  const Matrix x = naive::upload(*device, input);
  std::vector<std::uint64_t> keys;
  for (std::uint64_t k = 0; k < 20; ++k) keys.push_back(k);
  for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
    Matrix y = device->allocate(rows, 20);
    device->dropout(rate, keys, x.view(), y.view());
    const Dense output = naive::download(*device, y.view());
    double dropped = 0;
    for (std::size_t k = 0; k < input.values.size(); ++k) {
      if (output.values[k] == 0) {
        ++dropped;
      } else {
        EXPECT_NEAR(output.values[k], input.values[k] / (1 - rate), tolerance * 10);
      }
    }
    const double expected = rate * rows * 20;
    EXPECT_NEAR(dropped, expected, 5 * std::sqrt(expected * (1 - rate)));
    for (Index c = 1; c < 20; ++c) {  // neighbours lose other elements
      Index both = 0;
      for (Index r = 0; r < rows; ++r) both += output(r, c) == 0 && output(r, c - 1) == 0 ? 1 : 0;
      EXPECT_NEAR(static_cast<double>(both), rate * rate * rows, 5 * std::sqrt(rate * rate * rows) + 1);
    }
  }
}

TEST(Dropout, DependsOnTheSamplesKeyAndTheElementAlone) {
  const auto device = testing_support::make_test_device();
  const Dense ones(37, 4, 1);
  Matrix x = naive::upload(*device, ones);
  Matrix y = device->allocate(37, 4);
  const std::vector<std::uint64_t> keys{11, 12, 11, 0xffffffffffffffff};
  device->dropout(0.5, keys, x.view(), y.view());
  const Dense together = naive::download(*device, y.view());
  for (Index r = 0; r < 37; ++r) EXPECT_EQ(together(r, 0), together(r, 2));
  for (Index c = 0; c < 4; ++c) {  // alone, and in the place of its input
    device->dropout(0.5, std::span(keys).subspan(static_cast<std::size_t>(c), 1), x.view().block(0, c, 37, 1),
                    x.view().block(0, c, 37, 1));
  }
  EXPECT_EQ(naive::download(*device, x.view()).values, together.values);
  EXPECT_THROW(device->dropout(1, keys, x.view(), y.view()), Error);
  EXPECT_THROW(device->dropout(0.5, std::span(keys).first(3), x.view(), y.view()), Error);
}

}  // namespace
}  // namespace sibp
