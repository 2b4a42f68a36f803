// The data term of the published procedure's sub-problems of every device against plain loops in double, on views
// inside larger matrices.
#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"

#include "support/naive.hpp"
#include "support/test_device.hpp"

#include <array>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

constexpr Index outputs = 9;
constexpr Index fan_in = 31;
constexpr double eta = 0.3;

class DataTerms : public testing::TestWithParam<std::tuple<Activation, Index>> {
 protected:
  void SetUp() override {
    term_->start(activation_, inside(w_), inside(f_), eta, inside(d_));
    for (std::size_t k = 0; k < g_.values.size(); ++k) {
      t_.values[k] = naive::activate(activation_, g_.values[k]) - eta * difference_.values[k];
    }
  }

  /// The middle of a larger matrix: its columns do not lie together.
  static MatrixView inside(Matrix& whole) { return whole.view().block(1, 1, whole.rows() - 3, whole.cols() - 2); }
  Matrix framed(const Dense& content) {
    Dense whole(content.rows + 3, content.cols + 2, 7);
    for (Index c = 0; c < content.cols; ++c)
      for (Index r = 0; r < content.rows; ++r) whole(r + 1, c + 1) = content(r, c);
    return naive::upload(*device_, whole);
  }

  [[nodiscard]] double value_at(double step) const {
    double sum = 0;
    for (std::size_t k = 0; k < g_.values.size(); ++k) {
      const double residual = naive::activate(activation_, g_.values[k] + step * image_.values[k]) - t_.values[k];
      sum += residual * residual;
    }
    return sum;
  }

  void expect_residual_delta() {
    Matrix r = device_->allocate(outputs, samples_);
    term_->residual_delta(r.view());
    const Dense found = naive::download(*device_, r.view());
    for (std::size_t k = 0; k < g_.values.size(); ++k) {
      const double residual = naive::activate(activation_, g_.values[k]) - t_.values[k];
      EXPECT_NEAR(found.values[k], residual * naive::derivative(activation_, g_.values[k]), tolerance_);
    }
  }

  Activation activation_ = std::get<0>(GetParam());
  Index samples_ = std::get<1>(GetParam());
  double tolerance_ = sizeof(Real) == 4 ? 1e-6 : 1e-13;
  std::unique_ptr<Device> device_ = testing_support::make_test_device();
  Dense weights_ = naive::random(outputs, fan_in, 1);
  Dense features_ = naive::random(fan_in, samples_, 2);
  Dense difference_ = naive::random(outputs, samples_, 3);
  Dense image_ = naive::random(outputs, samples_, 4);
  Dense g_ = naive::product(weights_, features_);
  Dense t_{outputs, samples_};
  Matrix w_ = framed(weights_);
  Matrix f_ = framed(features_);
  Matrix d_ = framed(difference_);
  Matrix h_ = framed(image_);
  std::unique_ptr<DataTerm> term_ = device_->make_data_term();
};

INSTANTIATE_TEST_SUITE_P(All, DataTerms,
                         testing::Combine(testing::Values(Activation::identity, Activation::relu,
                                                          Activation::leaky_relu, Activation::tanh, Activation::sigmoid,
                                                          Activation::gelu),
                                          testing::Values<Index>(0, 1, 12)));

TEST_P(DataTerms, ResidualIsMaskedBeforeAndAfterAMove) {
  expect_residual_delta();
  term_->move(0.7, inside(h_));
  for (std::size_t k = 0; k < g_.values.size(); ++k) g_.values[k] += 0.7 * image_.values[k];
  expect_residual_delta();
}

TEST_P(DataTerms, ChangesAreThoseOfTheWholeTermInDouble) {
  const std::array<double, 4> steps{1, 0.36, -2, 0};
  std::array<double, 4> changes{};
  changes.fill(99);
  term_->changes(inside(h_), steps, changes);
  for (std::size_t k = 0; k < steps.size(); ++k) {
    EXPECT_NEAR(changes[k], value_at(steps[k]) - value_at(0), 1e-12 * (1 + value_at(steps[k]))) << steps[k];
  }
  EXPECT_EQ(changes[3], 0);
}

TEST_P(DataTerms, SmallChangesKeepTheirDigits) {
  const std::array<double, 2> steps{1e-10, 2e-10};
  std::array<double, 2> changes{};
  term_->changes(inside(h_), steps, changes);
  EXPECT_NEAR(changes[1], 2 * changes[0], 1e-4 * std::abs(changes[1]));  // differences of sums would be all rounding
}

TEST_P(DataTerms, AStartForgetsTheOneBefore) {
  const Dense fewer = naive::random(fan_in, 2, 5);
  Matrix f = framed(fewer);
  Matrix d = framed(Dense(outputs, 2, 1));
  term_->start(activation_, inside(w_), inside(f), eta, inside(d));
  term_->start(activation_, inside(w_), inside(f_), eta, inside(d_));
  expect_residual_delta();
}

TEST_P(DataTerms, OtherShapesAreRefused) {
  Matrix wide = device_->allocate(outputs, samples_ + 1);
  std::array<double, 1> one{1};
  EXPECT_THROW(term_->start(activation_, inside(w_), inside(w_), eta, inside(d_)), Error);
  EXPECT_THROW(term_->start(activation_, inside(w_), inside(f_), eta, wide.view()), Error);
  EXPECT_THROW(term_->residual_delta(wide.view()), Error);
  EXPECT_THROW(term_->changes(wide.view(), one, one), Error);
  EXPECT_THROW(term_->changes(inside(h_), one, std::span<double>()), Error);
  EXPECT_THROW(term_->move(1, wide.view()), Error);
}

}  // namespace
}  // namespace sibp
