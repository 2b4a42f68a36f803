// The memory and linear algebra of every device against plain loops: empty, 1 × 1 and odd sizes, and views inside
// larger matrices, whose surroundings must stay as they are.
#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"

#include "support/naive.hpp"
#include "support/test_device.hpp"

#include <limits>
#include <tuple>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

const double tolerance = sizeof(Real) == 4 ? 2e-5 : 1e-12;
const Real not_a_number = std::numeric_limits<Real>::quiet_NaN();

/// A matrix with a frame of sevens around the view that is worked on.
class Framed {
 public:
  Framed(Device& device, const Dense& content)
      : device_(device), rows_(content.rows), cols_(content.cols), whole_(device.allocate(rows_ + 3, cols_ + 2)) {
    device.fill(whole_.view(), 7);
    std::vector<Real> values(content.values.begin(), content.values.end());
    device.upload(values, view());
  }

  MatrixView view() { return whole_.view().block(1, 1, rows_, cols_); }
  Dense content() { return naive::download(device_, view()); }
  bool frame_untouched() {
    const Dense all = naive::download(device_, whole_.view());
    for (Index c = 0; c < all.cols; ++c)
      for (Index r = 0; r < all.rows; ++r) {
        const bool inside = r >= 1 && r <= rows_ && c >= 1 && c <= cols_;
        if (!inside && all(r, c) != 7) return false;
      }
    return true;
  }

 private:
  Device& device_;
  Index rows_;
  Index cols_;
  Matrix whole_;
};

class LinearAlgebra : public testing::Test {
 protected:
  Dense random_positive(Index n) {
    const Dense a = naive::random(n, 2 * n + 1, 11);
    Dense gram = naive::product(a, naive::transpose(a));
    for (double& value : gram.values) value = static_cast<Real>(value);  // what is uploaded
    return gram;
  }

  std::unique_ptr<Device> device_ = testing_support::make_test_device();
};

TEST_F(LinearAlgebra, NewMatricesAreZeroAndKeepWhatIsUploaded) {
  for (const auto& [rows, cols] : {std::pair<Index, Index>{0, 0}, {0, 4}, {5, 0}, {1, 1}, {3, 5}}) {
    Matrix a = device_->allocate(rows, cols);
    EXPECT_EQ(naive::download(*device_, a.view()).values, Dense(rows, cols).values);
    const Dense b = naive::random(rows, cols, 5);
    const Matrix uploaded = naive::upload(*device_, b);
    EXPECT_EQ(naive::download(*device_, uploaded.view()).values, b.values);
    device_->copy(uploaded.view(), a.view());
    EXPECT_EQ(naive::download(*device_, a.view()).values, b.values);
  }
}

TEST_F(LinearAlgebra, AllocationBeyondMemoryNamesTheSize) {
  try {
    const Matrix a = device_->allocate(Index{1} << 28, Index{1} << 28);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("268435456 × 268435456"), std::string::npos) << error.what();
  }
}

TEST_F(LinearAlgebra, CopyFillScaleAndAxpyWorkInsideALargerMatrix) {
  const Dense a = naive::random(5, 3, 1);
  const Dense b = naive::random(5, 3, 2);
  Framed x(*device_, a);
  Framed y(*device_, b);
  device_->axpy(Real(-0.5), x.view(), y.view());
  device_->scale(2, y.view());
  Dense expected(5, 3);
  for (std::size_t i = 0; i < a.values.size(); ++i) expected.values[i] = 2 * (b.values[i] - 0.5 * a.values[i]);
  EXPECT_LT(naive::relative_difference(y.content(), expected), tolerance);
  EXPECT_NEAR(
      device_->sum_of_squares(y.view()),
      [&] {
        double sum = 0;
        for (const double value : expected.values) sum += value * value;
        return sum;
      }(),
      1e-4);
  device_->copy(x.view(), y.view());
  EXPECT_EQ(y.content().values, a.values);
  device_->fill(x.view(), 3);
  EXPECT_EQ(x.content().values, Dense(5, 3, 3).values);
  EXPECT_TRUE(x.frame_untouched() && y.frame_untouched());
  EXPECT_EQ(device_->sum_of_squares(MatrixView{}), 0);
}

using Shape = std::tuple<Index, Index, Index>;  // m, n, k
class Products : public LinearAlgebra, public testing::WithParamInterface<Shape> {};

INSTANTIATE_TEST_SUITE_P(Shapes, Products,
                         testing::Values(Shape{0, 0, 0}, Shape{0, 3, 2}, Shape{3, 0, 2}, Shape{3, 2, 0}, Shape{1, 1, 1},
                                         Shape{1, 7, 3}, Shape{5, 1, 4}, Shape{17, 13, 31}, Shape{65, 33, 129}));

TEST_P(Products, GemmIsTheTripleLoop) {
  const auto [m, n, k] = GetParam();
  for (const Op op_a : {Op::none, Op::transpose})
    for (const Op op_b : {Op::none, Op::transpose})
      for (const double beta : {0.0, 1.0, -0.5}) {
        const Dense a = naive::random(m, k, 1);
        const Dense b = naive::random(k, n, 2);
        const Dense c = naive::random(m, n, 3);
        Framed stored_a(*device_, op_a == Op::none ? a : naive::transpose(a));
        Framed stored_b(*device_, op_b == Op::none ? b : naive::transpose(b));
        Framed result(*device_, c);
        if (beta == 0) device_->fill(result.view(), not_a_number);  // beta = 0 must not read what is there
        device_->gemm(op_a, op_b, 2, stored_a.view(), stored_b.view(), static_cast<Real>(beta), result.view());
        Dense expected = naive::product(a, b);
        for (std::size_t i = 0; i < expected.values.size(); ++i)
          expected.values[i] = 2 * expected.values[i] + beta * c.values[i];
        EXPECT_LT(naive::relative_difference(result.content(), expected), tolerance);
        EXPECT_TRUE(result.frame_untouched());
      }
}

TEST_F(LinearAlgebra, AddingATransposeIsTheFormula) {
  for (const auto& [rows, cols] : {std::pair<Index, Index>{0, 3}, {1, 1}, {5, 3}, {70, 33}}) {
    const Dense x = naive::random(cols, rows, 1);
    const Dense y = naive::random(rows, cols, 2);
    Framed stored_x(*device_, x);
    Framed result(*device_, y);
    device_->add_transposed(Real(-0.5), stored_x.view(), result.view());
    Dense expected = y;
    for (Index c = 0; c < cols; ++c)
      for (Index r = 0; r < rows; ++r) expected(r, c) -= 0.5 * x(c, r);
    EXPECT_LT(naive::relative_difference(result.content(), expected), tolerance);
    EXPECT_TRUE(result.frame_untouched());
  }
}

TEST_P(Products, SyrkIsTheLowerTriangleOfTheProductAndLeavesTheRest) {
  const auto [n, unused, k] = GetParam();
  for (const Op op : {Op::none, Op::transpose})
    for (const double beta : {0.0, 1.0, -0.5}) {
      const Dense a = naive::random(n, k, 1);
      const Dense c = naive::random(n, n, 3);
      Framed stored(*device_, op == Op::none ? a : naive::transpose(a));
      Framed result(*device_, c);
      device_->syrk(op, Real(0.5), stored.view(), static_cast<Real>(beta), result.view());
      const Dense gram = naive::product(a, naive::transpose(a));
      Dense expected = c;
      for (Index j = 0; j < n; ++j)
        for (Index i = j; i < n; ++i) expected(i, j) = 0.5 * gram(i, j) + beta * c(i, j);
      EXPECT_LT(naive::relative_difference(result.content(), expected), tolerance) << n << " " << k << " " << beta;
      EXPECT_TRUE(result.frame_untouched());
    }
}

TEST_F(LinearAlgebra, SyrkOverwritesWhatIsNotFinite) {
  const Dense a = naive::random(4, 6, 1);
  Framed stored(*device_, a);
  Framed result(*device_, Dense(4, 4));
  device_->fill(result.view(), not_a_number);
  device_->syrk(Op::none, 1, stored.view(), 0, result.view());
  const Dense gram = naive::product(a, naive::transpose(a));
  for (Index j = 0; j < 4; ++j)
    for (Index i = j; i < 4; ++i) EXPECT_NEAR(result.content()(i, j), gram(i, j), 1e-4);
}

class Sizes : public LinearAlgebra, public testing::WithParamInterface<Index> {};
INSTANTIATE_TEST_SUITE_P(Orders, Sizes, testing::Values(0, 1, 2, 7, 64, 131));

Dense lower_of(Dense a) {
  for (Index j = 0; j < a.cols; ++j)
    for (Index i = 0; i < j; ++i) a(i, j) = 0;
  return a;
}

TEST_P(Sizes, CholeskyAndSolvesInvertTheMatrix) {
  const Index n = GetParam();
  const Dense a = random_positive(n);
  for (const Index m : {0, 1, 5}) {
    Framed factor(*device_, a);
    ASSERT_EQ(device_->cholesky(factor.view()), 0);
    const Dense b = naive::random(m, n, 9);
    Framed right(*device_, b);
    device_->solve_right(factor.view(), right.view());  // x a = b
    EXPECT_LT(naive::relative_difference(right.content(), naive::transpose(naive::solve(a, naive::transpose(b)))),
              200 * tolerance);
    Framed left(*device_, naive::transpose(b));
    device_->solve_left(factor.view(), left.view());  // a x = bᵀ
    EXPECT_LT(naive::relative_difference(left.content(), naive::solve(a, naive::transpose(b))), 200 * tolerance);
    Framed half(*device_, naive::transpose(b));
    device_->solve_triangle(Op::none, factor.view(), half.view());
    const Dense l = lower_of(factor.content());
    EXPECT_LT(naive::relative_difference(naive::product(l, half.content()), naive::transpose(b)), 200 * tolerance);
    Framed other(*device_, naive::transpose(b));
    device_->solve_triangle(Op::transpose, factor.view(), other.view());
    EXPECT_LT(naive::relative_difference(naive::product(naive::transpose(l), other.content()), naive::transpose(b)),
              200 * tolerance);
    EXPECT_TRUE(factor.frame_untouched() && right.frame_untouched() && left.frame_untouched());
  }
}

TEST_P(Sizes, CholeskyNamesTheMinorThatFails) {
  const Index n = GetParam();
  for (Index bad = 0; bad < n; bad += 13) {
    Dense a = random_positive(n);
    a(bad, bad) = -1;
    Framed negative(*device_, a);
    EXPECT_EQ(device_->cholesky(negative.view()), bad + 1);
    a(bad, bad) = std::numeric_limits<double>::quiet_NaN();
    Framed nan(*device_, a);
    EXPECT_NE(device_->cholesky(nan.view()), 0) << "a NaN is not positive";
  }
}

TEST_P(Sizes, DampingAddsToTheDiagonalOnly) {
  const Index n = GetParam();
  const Dense a = random_positive(n);
  Framed damped(*device_, a);
  double trace = 0;
  for (Index i = 0; i < n; ++i) trace += a(i, i);
  const double lambda = device_->damp(damped.view(), 0.5, 0.25);
  EXPECT_NEAR(lambda, 0.5 + 0.25 * trace, 1e-5 * (1 + trace));
  Dense expected = a;
  for (Index i = 0; i < n; ++i) expected(i, i) += 0.5 + 0.25 * trace;
  EXPECT_LT(naive::relative_difference(damped.content(), expected), tolerance);
  EXPECT_TRUE(damped.frame_untouched());
}

TEST_P(Sizes, PackingKeepsTheLowerTriangle) {
  const Index n = GetParam();
  Framed a(*device_, naive::random(n, n, 1));
  Matrix packed = device_->allocate(n * (n + 1) / 2, 1);
  device_->pack_triangle(a.view(), packed.view());
  const Dense other = naive::random(n, n, 2);
  Framed b(*device_, other);
  device_->unpack_triangle(packed.view(), b.view());
  for (Index c = 0; c < n; ++c)
    for (Index r = 0; r < n; ++r) EXPECT_EQ(b.content()(r, c), r >= c ? a.content()(r, c) : other(r, c));
  EXPECT_TRUE(b.frame_untouched());
}

TEST_F(LinearAlgebra, ShapesThatDoNotFitAreRefused) {
  const Matrix a = device_->allocate(3, 4);
  Matrix b = device_->allocate(5, 6);
  EXPECT_THROW(device_->gemm(Op::none, Op::none, 1, a.view(), b.view(), 0, b.view()), Error);
  EXPECT_THROW(device_->syrk(Op::none, 1, a.view(), 0, b.view()), Error);
  EXPECT_THROW(device_->copy(a.view(), b.view()), Error);
  EXPECT_THROW(device_->axpy(1, a.view(), b.view()), Error);
  EXPECT_THROW((void)device_->cholesky(b.view()), Error);
  EXPECT_THROW(device_->solve_left(a.view(), b.view()), Error);
  EXPECT_THROW(device_->solve_right(a.view(), b.view()), Error);
  EXPECT_THROW(device_->solve_triangle(Op::none, a.view(), b.view()), Error);
  EXPECT_THROW((void)b.view().block(3, 0, 3, 1), Error);
  EXPECT_THROW((void)b.reshaped(31, 1), Error);
}

}  // namespace
}  // namespace sibp
