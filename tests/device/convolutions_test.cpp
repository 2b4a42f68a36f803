// A convolution's products by a device's library for them, where it has one, against unfolded patches and plain loops.
#include "sibp/device/device.hpp"

#include "support/naive.hpp"
#include "support/test_device.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

constexpr double tolerance = 1e-5;
constexpr Index samples = 3;
constexpr Index outputs = 4;

struct Case {
  Window window;
  bool gaps = false;
};

class Convolutions : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    products_ = device_->make_convolution({window_, outputs, samples, gaps_, gaps_});
    if (!products_) GTEST_SKIP() << "patches are unfolded on " << device_->description();
  }

  /// A matrix with this content, with two elements after each column if there are to be gaps.
  Matrix place(const Dense& content) {
    Dense whole(content.rows + (gaps_ ? 2 : 0), content.cols, 7);
    for (Index c = 0; c < content.cols; ++c)
      for (Index r = 0; r < content.rows; ++r) whole(r, c) = content(r, c);
    return naive::upload(*device_, whole);
  }
  Matrix any(Index rows, Index cols) {
    return naive::upload(*device_, Dense(rows, cols, std::numeric_limits<double>::quiet_NaN()));
  }
  Dense content(Matrix& matrix) { return naive::download(*device_, matrix.view()); }

  /// P̂ of the first samples.
  Dense patches(Index count) {
    const auto cpu = make_cpu_device(1);
    Matrix images = naive::upload(*cpu, images_);
    Matrix patches = cpu->allocate(fan_in_, window_.places() * count);
    cpu->unfold(window_, images.view().left_cols(count), 0, patches.view());
    return naive::download(*cpu, patches.view());
  }

  void expect_products_of(Index count) {
    const Dense p = patches(count);
    Matrix weights = naive::upload(*device_, weights_);
    Matrix images = place(images_);
    const MatrixView x = images.view().left_cols(count).top_rows(images_.rows);
    Dense s = s_;
    s.cols = window_.places() * count;
    s.values.resize(static_cast<std::size_t>(s.rows * s.cols));
    Matrix delta = naive::upload(*device_, s);

    Matrix g = place(Dense(outputs * window_.places(), samples, 5));
    products_->forward(weights.view(), x, g.view().left_cols(count).top_rows(outputs * window_.places()));
    const Dense found = content(g);
    const Dense expected = naive::product(weights_, p);
    for (Index m = 0; m < samples; ++m)
      for (Index r = 0; r < g.rows(); ++r) {
        const bool inside = r < outputs * window_.places();
        const double wanted = !inside ? 7 : m < count ? expected(r % outputs, m * window_.places() + r / outputs) : 5;
        ASSERT_NEAR(found(r, m), wanted, tolerance * 10) << r << ", " << m;
      }

    Dense product = naive::product(s, naive::transpose(p));
    for (double& value : product.values) value *= -0.5;
    Matrix part = any(outputs, fan_in_);
    products_->delta_and_inputs(Real(-0.5), delta.view(), x, part.view());
    EXPECT_LT(naive::relative_difference(content(part), product), tolerance);
    Matrix transposed = any(fan_in_, outputs);
    products_->inputs_and_delta(Real(-0.5), x, delta.view(), transposed.view());
    EXPECT_LT(naive::relative_difference(content(transposed), naive::transpose(product)), tolerance);
    Matrix again = any(outputs, fan_in_);
    products_->delta_and_inputs(Real(-0.5), delta.view(), x, again.view());
    EXPECT_EQ(content(again).values, content(part).values);

    const Dense carried = carried_by_unfolding(s, count);
    Matrix difference = any(images_.rows, count);
    products_->carry(weights.view(), delta.view(), 0, difference.view());
    EXPECT_LT(naive::relative_difference(content(difference), carried), tolerance);
    products_->carry(weights.view(), delta.view(), 1, difference.view());
    Dense twice = carried;
    for (double& value : twice.values) value *= 2;
    EXPECT_LT(naive::relative_difference(content(difference), twice), tolerance);
  }

  /// fold(Wᵀ S)
  Dense carried_by_unfolding(const Dense& s, Index count) {
    Dense w = weights_;
    w.cols -= 1;
    w.values.resize(static_cast<std::size_t>(w.rows * w.cols));
    const auto cpu = make_cpu_device(1);
    Matrix columns = naive::upload(*cpu, naive::product(naive::transpose(w), s));
    Matrix images = cpu->allocate(images_.rows, count);
    cpu->fold(window_, columns.view(), 0, images.view());
    return naive::download(*cpu, images.view());
  }

  std::unique_ptr<Device> device_ = testing_support::make_test_device();
  Window window_ = GetParam().window;
  bool gaps_ = GetParam().gaps;
  Index fan_in_ = window_.patch() + 1;
  std::unique_ptr<ConvolutionProducts> products_;
  Dense images_ = naive::random(window_.input.size(), samples, 1);
  Dense weights_ = naive::random(outputs, fan_in_, 2);
  Dense s_ = naive::random(outputs, window_.places() * samples, 3);
};

INSTANTIATE_TEST_SUITE_P(Windows, Convolutions,
                         testing::Values(Case{{{5, 7, 3}, 3, 3, 1, 1}}, Case{{{5, 7, 3}, 3, 3, 1, 1}, true},
                                         Case{{{5, 4, 2}, 2, 3, 2, 0}}, Case{{{6, 5, 8}, 2, 2, 3, 0}},
                                         Case{{{6, 5, 2}, 5, 5, 1, 4}, true}, Case{{{5, 4, 3}, 1, 1, 2, 0}},
                                         Case{{{1, 1, 4}, 3, 3, 1, 1}}, Case{{{1, 9, 1}, 3, 3, 2, 1}, true},
                                         // So large that what is carried is added a sample at a time.
                                         Case{{{260, 130, 8}, 3, 3, 3, 1}}));

TEST_P(Convolutions, AreTheProductsOfUnfoldedPatches) {
  expect_products_of(samples);
  expect_products_of(1);  // a smaller batch, and the first size once more
  expect_products_of(samples);
}

// What the cases above would skip without a word.
TEST(ConvolutionsOfProcessors, AreMadeByOneDnnWhereItIs) {
  const auto device = make_cpu_device(1);
  const bool has_library = device->description().find("oneDNN") != std::string::npos && sizeof(Real) == sizeof(float);
  for (const Window& window : {Window{{16, 16, 32}, 3, 3, 1, 1}, Window{{16, 16, 32}, 1, 1, 2, 0}})
    EXPECT_EQ(device->make_convolution({window, 32, 5}) != nullptr, has_library);
}

}  // namespace
}  // namespace sibp
