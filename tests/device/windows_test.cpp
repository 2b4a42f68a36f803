// Patches and pooling on every device against plain loops, on tensors whose columns lie apart.
#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"

#include "support/naive.hpp"
#include "support/naive_windows.hpp"
#include "support/test_device.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

const double tolerance = sizeof(Real) == 4 ? 1e-5 : 1e-13;
constexpr Index samples = 3;

/// A tensor with a gap of one element before each column.
class Apart {
 public:
  Apart(Device& device, const Dense& content) : device_(device), rows_(content.rows), cols_(content.cols) {
    Dense whole(rows_ + 1, cols_, 7);
    for (Index c = 0; c < cols_; ++c)
      for (Index r = 0; r < rows_; ++r) whole(r + 1, c) = content(r, c);
    matrix_ = naive::upload(device, whole);
  }
  MatrixView view() { return matrix_.view().block(1, 0, rows_, cols_); }
  /// What became of it; the gaps must be as they were.
  Dense content() {
    const Dense gaps = naive::download(device_, matrix_.view().block(0, 0, 1, cols_));
    for (const double gap : gaps.values) EXPECT_EQ(gap, 7);
    return naive::download(device_, view());
  }

 private:
  Device& device_;
  Index rows_, cols_;
  Matrix matrix_;
};

class Windows : public testing::TestWithParam<Window> {
 protected:
  /// Numbers of which many are equal.
  static Dense coarse(Index rows, std::uint64_t seed) {
    Dense a = naive::random(rows, samples, seed);
    for (double& value : a.values) value = std::round(value);
    return a;
  }
  Index outputs() const { return window_.places() * window_.input.channels; }

  std::unique_ptr<Device> device_ = testing_support::make_test_device();
  Window window_ = GetParam();
};

constexpr std::array windows{
    Window{{5, 7, 3}, 3, 3, 1, 1},  Window{{5, 4, 2}, 2, 3, 2, 0},  Window{{6, 6, 4}, 2, 2, 2, 0},
    Window{{7, 5, 1}, 3, 3, 3, 2},  Window{{4, 4, 5}, 1, 1, 1, 0},  Window{{1, 1, 6}, 1, 1, 1, 0},
    Window{{3, 3, 2}, 3, 3, 1, 2},  Window{{8, 6, 17}, 3, 3, 2, 1}, Window{{4, 4, 3}, 4, 4, 4, 0},
    Window{{9, 8, 2}, 1, 1, 2, 0},  Window{{3, 2, 1}, 5, 5, 1, 2},  Window{{1, 1, 3}, 3, 3, 1, 1},
    Window{{6, 9, 40}, 3, 3, 3, 0}, Window{{5, 5, 2}, 2, 2, 3, 1}};

INSTANTIATE_TEST_SUITE_P(Windows, Windows, testing::ValuesIn(windows));

TEST_P(Windows, UnfoldedImagesAreTheirPatches) {
  const Dense images = naive::random(window_.input.size(), samples, 1);
  const Dense expected = naive::unfold(window_, images);
  Apart x(*device_, images);
  for (const auto& [first, count] : {std::pair<Index, Index>{0, expected.cols},
                                     {window_.places() / 2, window_.places()},
                                     {expected.cols - 1, 1},
                                     {window_.places(), 0}}) {
    for (const Index ones : {0, 1}) {
      Apart patches(*device_, naive::random(window_.patch() + ones, count, 2));
      device_->unfold(window_, x.view(), first, patches.view());
      const Dense found = patches.content();
      for (Index c = 0; c < count; ++c) {
        for (Index r = 0; r < window_.patch(); ++r) ASSERT_EQ(found(r, c), expected(r, first + c)) << r << ' ' << c;
        if (ones == 1) {
          EXPECT_EQ(found(window_.patch(), c), 1);
        }
      }
    }
  }
}

TEST_P(Windows, FoldIsTheAdjointOfUnfold) {
  const Dense images = naive::random(window_.input.size(), samples, 1);
  const Dense patches = naive::random(window_.patch(), samples * window_.places(), 2);
  Apart folded(*device_, Dense(images.rows, samples));
  Apart p(*device_, patches);
  device_->fold(window_, p.view(), 0, folded.view());
  const double direct = naive::inner_product(naive::unfold(window_, images), patches);
  const double adjoint = naive::inner_product(images, folded.content());
  EXPECT_NEAR(direct, adjoint, tolerance * static_cast<double>(patches.values.size()));
}

TEST_P(Windows, FoldingPieceByPieceAddsToTheSame) {
  const Dense start = naive::random(window_.input.size(), samples, 1);
  const Dense patches = naive::random(window_.patch(), samples * window_.places(), 2);
  Apart at_once(*device_, start);
  Apart in_pieces(*device_, start);
  Apart p(*device_, patches);
  device_->fold(window_, p.view(), 0, at_once.view());
  Index first = 0;
  for (const Index end : {window_.places() / 2 + 1, window_.places() + 1, patches.cols}) {
    const Index last = std::min(end, patches.cols);
    device_->fold(window_, p.view().block(0, first, patches.rows, last - first), first, in_pieces.view());
    first = last;
  }
  EXPECT_EQ(in_pieces.content().values, at_once.content().values);
  Dense expected = start;
  naive::fold(window_, patches, expected);
  EXPECT_LT(naive::relative_difference(at_once.content(), expected), tolerance);
}

TEST_P(Windows, MaximaAndWhereTheyWereTakenFrom) {
  if (window_.padding >= std::min(window_.kernel_height, window_.kernel_width)) GTEST_SKIP() << "may miss the picture";
  const Dense input = coarse(window_.input.size(), 1);
  const Dense expected = naive::max_pool(window_, input);
  Apart x(*device_, input);
  Apart y(*device_, Dense(outputs(), samples, 9));
  device_->max_pool(window_, x.view(), y.view());
  EXPECT_EQ(y.content().values, expected.values);

  const Dense given = naive::random(outputs(), samples, 2);
  Apart dy(*device_, given);
  for (const Real beta : {Real(0), Real(1)}) {
    Dense carried = naive::random(input.rows, samples, 3);
    Apart dx(*device_, beta == 0 ? Dense(input.rows, samples, NAN) : carried);
    if (beta == 0) carried = Dense(input.rows, samples);
    naive::max_pool_backward(window_, input, given, carried);
    device_->max_pool_backward(window_, x.view(), y.view(), dy.view(), beta, dx.view());
    EXPECT_LT(naive::relative_difference(dx.content(), carried), tolerance);
  }
}

TEST_P(Windows, MeansAndTheirShares) {
  if (window_.padding >= std::min(window_.kernel_height, window_.kernel_width)) GTEST_SKIP() << "may miss the picture";
  const Dense input = naive::random(window_.input.size(), samples, 1);
  Apart x(*device_, input);
  Apart y(*device_, Dense(outputs(), samples, 9));
  device_->mean_pool(window_, x.view(), y.view());
  EXPECT_LT(naive::relative_difference(y.content(), naive::mean_pool(window_, input)), tolerance);

  const Dense given = naive::random(outputs(), samples, 2);
  Apart dy(*device_, given);
  for (const Real beta : {Real(0), Real(1)}) {
    const Dense before = beta == 0 ? Dense(input.rows, samples) : naive::random(input.rows, samples, 3);
    Apart dx(*device_, beta == 0 ? Dense(input.rows, samples, NAN) : before);
    device_->mean_pool_backward(window_, dy.view(), beta, dx.view());
    Dense change = dx.content();
    for (std::size_t k = 0; k < change.values.size(); ++k) change.values[k] -= before.values[k];
    // A mean is linear: its way back is the adjoint, for any input.
    EXPECT_NEAR(naive::inner_product(change, input), naive::inner_product(given, naive::mean_pool(window_, input)),
                tolerance * static_cast<double>(input.values.size()));
  }
}

TEST_P(Windows, DifferencesOfPoolingAreTheSlopesOfItsResults) {
  if (window_.padding >= std::min(window_.kernel_height, window_.kernel_width)) GTEST_SKIP() << "may miss the picture";
  const Dense input = naive::random(window_.input.size(), samples, 4);
  const Dense given = naive::random(outputs(), samples, 5);
  Apart x(*device_, input);
  Apart y(*device_, naive::max_pool(window_, input));
  Apart dy(*device_, given);
  Apart of_max(*device_, input);
  Apart of_mean(*device_, input);
  device_->max_pool_backward(window_, x.view(), y.view(), dy.view(), 0, of_max.view());
  device_->mean_pool_backward(window_, dy.view(), 0, of_mean.view());
  const auto slope = [&](auto pool, Index r, Index c) {
    constexpr double step = 1e-6;
    Dense moved = input;
    moved(r, c) += step;
    const double above = naive::inner_product(given, pool(window_, moved));
    moved(r, c) -= 2 * step;
    return (above - naive::inner_product(given, pool(window_, moved))) / (2 * step);
  };
  const Dense max_slopes = of_max.content();
  const Dense mean_slopes = of_mean.content();
  for (Index r = 0; r < input.rows; r += 1 + input.rows / 50) {
    EXPECT_NEAR(max_slopes(r, 1), slope(naive::max_pool, r, 1), 1e-5) << r;
    EXPECT_NEAR(mean_slopes(r, 1), slope(naive::mean_pool, r, 1), 1e-5) << r;
  }
}

TEST(WindowsOf, MaximaOfNumbersThatAreNoneAreNone) {
  const auto device = testing_support::make_test_device();
  const Window window{{2, 2, 1}, 2, 2, 2, 0};
  for (Index place = 0; place < 4; ++place) {
    Dense input = naive::random(4, 1, 1);
    input(place, 0) = std::numeric_limits<double>::quiet_NaN();
    const Matrix x = naive::upload(*device, input);
    Matrix y = device->allocate(1, 1);
    device->max_pool(window, x.view(), y.view());
    EXPECT_TRUE(std::isnan(naive::download(*device, y.view())(0, 0))) << "divergence must not be hidden";
  }
}

TEST(WindowsOf, NoSamplesAreNoWork) {
  const auto device = testing_support::make_test_device();
  const Window window{{4, 4, 2}, 2, 2, 2, 0};
  Matrix x = device->allocate(32, 0);
  Matrix y = device->allocate(8, 0);
  Matrix patches = device->allocate(8, 0);
  device->unfold(window, x.view(), 0, patches.view());
  device->fold(window, patches.view(), 0, x.view());
  device->max_pool(window, x.view(), y.view());
  device->max_pool_backward(window, x.view(), y.view(), y.view(), 0, x.view());
  device->mean_pool(window, x.view(), y.view());
  device->mean_pool_backward(window, y.view(), 0, x.view());
}

TEST(WindowsOf, ShapesThatDoNotFitAreErrors) {
  const auto device = testing_support::make_test_device();
  const Window window{{4, 4, 2}, 2, 2, 2, 0};
  Matrix x = device->allocate(32, 3);
  Matrix y = device->allocate(8, 3);
  Matrix patches = device->allocate(8, 3);
  EXPECT_THROW(device->unfold(window, x.view(), 10, patches.view()), Error) << "beyond the last sample";
  EXPECT_THROW(device->unfold(window, x.view(), -1, patches.view()), Error);
  EXPECT_THROW(device->unfold(window, y.view(), 0, patches.view()), Error);
  EXPECT_THROW(device->fold(window, x.view(), 0, x.view()), Error);
  EXPECT_THROW(device->max_pool(window, y.view(), y.view()), Error);
  EXPECT_THROW(device->mean_pool(window, x.view(), x.view()), Error);
  EXPECT_THROW(device->mean_pool_backward(window, y.view(), Real(0.5), x.view()), Error) << "beta is 0 or 1";
  EXPECT_THROW(device->max_pool({{4, 4, 2}, 1, 1, 1, 1}, x.view(), y.view()), Error) << "places beyond the picture";
  EXPECT_THROW(device->unfold({{4, 4, 2}, 5, 2, 2, 0}, x.view(), 0, patches.view()), Error)
      << "larger than the picture";
  EXPECT_THROW(device->unfold({{4, 4, 2}, 2, 2, 0, 0}, x.view(), 0, patches.view()), Error) << "a stride of 0";
}

}  // namespace
}  // namespace sibp
