// The steps of optimisers of every device against plain loops, on views inside larger matrices.
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

class Elementwise : public testing::TestWithParam<std::pair<Index, Index>> {
 protected:
  /// The middle of a larger matrix: its columns do not lie together.
  MatrixView inside(Matrix& whole) { return whole.view().block(1, 1, rows_, cols_); }
  Matrix framed(const Dense& content) {
    Dense whole(rows_ + 3, cols_ + 2, 7);
    for (Index c = 0; c < cols_; ++c)
      for (Index r = 0; r < rows_; ++r) whole(r + 1, c + 1) = content(r, c);
    return naive::upload(*device_, whole);
  }
  Dense content(Matrix& whole) { return naive::download(*device_, inside(whole)); }

  std::unique_ptr<Device> device_ = testing_support::make_test_device();
  Index rows_ = GetParam().first;
  Index cols_ = GetParam().second;
};

INSTANTIATE_TEST_SUITE_P(Shapes, Elementwise,
                         testing::Values(std::pair<Index, Index>{0, 3}, std::pair<Index, Index>{1, 1},
                                         std::pair<Index, Index>{17, 5}, std::pair<Index, Index>{3, 33}));

TEST_P(Elementwise, MomentumStepIsItsFormula) {
  for (const bool nesterov : {false, true}) {
    const Dense gradient = naive::random(rows_, cols_, 1);
    Dense velocity = naive::random(rows_, cols_, 2);
    Dense weights = naive::random(rows_, cols_, 3);
    Matrix g = framed(gradient);
    Matrix v = framed(velocity);
    Matrix w = framed(weights);
    const MomentumStep step{.rate = 0.3, .momentum = 0.8, .weight_decay = 0.05, .nesterov = nesterov};
    device_->momentum_step(step, inside(g), inside(v), inside(w));
    for (std::size_t k = 0; k < weights.values.size(); ++k) {
      const double decayed = gradient.values[k] + 0.05 * weights.values[k];
      velocity.values[k] = 0.8 * velocity.values[k] + decayed;
      weights.values[k] -= 0.3 * (nesterov ? decayed + 0.8 * velocity.values[k] : velocity.values[k]);
    }
    EXPECT_LT(naive::relative_difference(content(v), velocity), tolerance);
    EXPECT_LT(naive::relative_difference(content(w), weights), tolerance);
    EXPECT_EQ(content(g).values, gradient.values);
    EXPECT_EQ(naive::download(*device_, w.view())(0, 0), 7);
  }
}

TEST_P(Elementwise, AdamStepIsItsFormula) {
  const Dense gradient = naive::random(rows_, cols_, 1);
  Dense first = naive::random(rows_, cols_, 2);
  Dense second = naive::random(rows_, cols_, 3);
  for (double& value : second.values) value *= value;  // a mean of squares
  for (double& value : second.values) value = static_cast<float>(value);
  Dense weights = naive::random(rows_, cols_, 4);
  Matrix g = framed(gradient);
  Matrix m = framed(first);
  Matrix v = framed(second);
  Matrix w = framed(weights);
  device_->adam_step({.rate = 0.1,
                      .beta1 = 0.7,
                      .beta2 = 0.99,
                      .epsilon = 0.01,
                      .weight_decay = 0.05,
                      .first_correction = 0.5,
                      .second_correction = 0.2},
                     inside(g), inside(m), inside(v), inside(w));
  for (std::size_t k = 0; k < weights.values.size(); ++k) {
    const double decayed = gradient.values[k] + 0.05 * weights.values[k];
    first.values[k] = 0.7 * first.values[k] + 0.3 * decayed;
    second.values[k] = 0.99 * second.values[k] + 0.01 * decayed * decayed;
    weights.values[k] -= 0.1 * (first.values[k] / 0.5) / (std::sqrt(second.values[k] / 0.2) + 0.01);
  }
  EXPECT_LT(naive::relative_difference(content(m), first), tolerance);
  EXPECT_LT(naive::relative_difference(content(v), second), tolerance);
  EXPECT_LT(naive::relative_difference(content(w), weights), tolerance);
  EXPECT_EQ(content(g).values, gradient.values);
}

TEST_P(Elementwise, RowsAreMultipliedAndCombinedOneByOne) {
  const Dense a = naive::random(rows_, cols_, 1);
  const Dense b = naive::random(rows_, cols_, 2);
  Matrix x = framed(a);
  Matrix y = framed(b);
  std::vector<double> products(static_cast<std::size_t>(rows_), 99);
  device_->row_inner_products(inside(x), inside(y), products);
  std::vector<double> alpha;
  std::vector<double> beta;
  Dense combined = b;
  for (Index r = 0; r < rows_; ++r) {
    alpha.push_back(0.5 + static_cast<double>(r));
    beta.push_back(0.25 - static_cast<double>(r));
    double product = 0;
    for (Index c = 0; c < cols_; ++c) {
      product += a(r, c) * b(r, c);
      combined(r, c) = alpha.back() * a(r, c) + beta.back() * b(r, c);
    }
    EXPECT_NEAR(products[static_cast<std::size_t>(r)], product, 1e-12);  // in double whatever Real is
  }
  device_->combine_rows(alpha, inside(x), beta, inside(y));
  EXPECT_LT(naive::relative_difference(content(y), combined), tolerance);
  EXPECT_EQ(content(x).values, a.values);
  EXPECT_EQ(naive::download(*device_, y.view())(0, 0), 7);
  products.push_back(0);
  EXPECT_THROW(device_->row_inner_products(inside(x), inside(y), products), Error);
  EXPECT_THROW(device_->combine_rows(products, inside(x), products, inside(y)), Error);
}

TEST_P(Elementwise, InnerProductIsAccumulatedInDouble) {
  const Dense a = naive::random(rows_, cols_, 1);
  const Dense b = naive::random(rows_, cols_, 2);
  Matrix x = framed(a);
  Matrix y = framed(b);
  double sum = 0;
  for (std::size_t k = 0; k < a.values.size(); ++k) sum += a.values[k] * b.values[k];
  EXPECT_NEAR(device_->inner_product(inside(x), inside(y)), sum, 1e-11);
}

TEST_P(Elementwise, StepsRefuseMatricesOfOtherShapes) {
  Matrix a = device_->allocate(rows_, cols_);
  Matrix b = device_->allocate(rows_ + 1, cols_);
  EXPECT_THROW(device_->momentum_step({}, b.view(), a.view(), a.view()), Error);
  EXPECT_THROW(device_->momentum_step({}, a.view(), b.view(), a.view()), Error);
  EXPECT_THROW(device_->adam_step({}, a.view(), a.view(), b.view(), a.view()), Error);
}

}  // namespace
}  // namespace sibp
