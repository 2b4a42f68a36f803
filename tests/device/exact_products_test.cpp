// The device of the reproducible mode: what becomes of a column depends on it alone, and is right.
#include "device/exact_products.hpp"

#include "sibp/device/device.hpp"

#include "support/naive.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using exact::Lines;

TEST(ExactProducts, HaveAsManyBitsAsTheirSumsLeaveRoomFor) {
  EXPECT_EQ(exact::bits_for(1), 26);
  EXPECT_EQ(exact::bits_for(2), 26);
  EXPECT_EQ(exact::bits_for(1000), 21);
  EXPECT_EQ(exact::bits_for(1024), 21);
  EXPECT_EQ(exact::bits_for(1025), 21);
  EXPECT_EQ(exact::bits_for(60000), 18);
  for (const Index terms : {1, 2, 3, 100, 4097, 1 << 20})
    EXPECT_LE(std::ldexp(static_cast<double>(terms), 2 * exact::bits_for(terms)), std::ldexp(1.0, 53));
}

TEST(ExactProducts, LinesAreRoundedToTheirGrids) {
  const std::vector<Real> values{3, Real(1e-3), -8, 0, Real(0.3), 0};  // rows 3 −8 0.3 and 1e-3 0 0
  const ConstMatrixView x{values.data(), 2, 3, 2};
  exact::Operand operand;
  const auto exponents = operand.measure(Lines::rows, 2, x);
  EXPECT_EQ(exponents[0], 5);   // 16 < 2^5
  EXPECT_EQ(exponents[1], -8);  // 2e-3 < 2^-8
  const double* rounded = operand.round(10);
  for (Index c = 0; c < 3; ++c) {
    for (Index r = 0; r < 2; ++r) {
      const double grid = std::ldexp(1.0, exponents[static_cast<std::size_t>(r)] - 10);
      const double value = rounded[r + 2 * c];
      EXPECT_EQ(value, grid * std::round(value / grid));
      EXPECT_NEAR(value, 2 * static_cast<double>(x(r, c)), 0.5 * grid);
    }
  }
}

TEST(ExactProducts, LinesThatAreNotFiniteAreNaNAndNoOthers) {
  for (const Real bad : {std::numeric_limits<Real>::quiet_NaN(), std::numeric_limits<Real>::infinity()}) {
    const std::vector<Real> values{1, 2, 3, -bad};
    const ConstMatrixView x{values.data(), 2, 2, 2};
    exact::Operand operand;
    (void)operand.measure(Lines::columns, 1, x);
    const double* rounded = operand.round(20);
    EXPECT_EQ(rounded[0], 1);
    EXPECT_EQ(rounded[1], 2);
    EXPECT_TRUE(std::isnan(rounded[2]) && std::isnan(rounded[3]));
    (void)operand.measure(Lines::columns, 0, x);
    EXPECT_EQ(operand.round(20)[3], 0);
  }
}

/// A system and right-hand sides as wide as two blocks and a bit.
class ReproducibleDevice : public testing::Test {
 protected:
  static constexpr Index n = 300;
  static constexpr Index columns = 29;

  naive::Dense solved(Device& device, Index first, Index count) {
    Matrix gram = device.allocate(n, n);
    Matrix left = naive::upload(device, left_);
    device.syrk(Op::none, 1, left.view(), 0, gram.view());
    EXPECT_EQ(device.damped_cholesky(gram.view(), 0, 1.0 / n).failed_minor, 0);
    Matrix right = naive::upload(device, right_);
    const MatrixView part = right.view().block(0, first, n, count);
    device.solve_left(gram.view(), part);
    return naive::download(device, right.view());
  }

  naive::Dense left_ = naive::random(n, 350, 1);
  naive::Dense right_ = naive::random(n, columns, 2);
};

TEST_F(ReproducibleDevice, ColumnsOfSolutionsDependOnThemselvesAlone) {
  const auto device = make_reproducible_device(1);
  const auto threads = make_reproducible_device(2);
  const naive::Dense whole = solved(*device, 0, columns);
  EXPECT_EQ(solved(*threads, 0, columns).values, whole.values);
  for (const Index first : {0, 1, 13, 28}) {
    const naive::Dense alone = solved(*device, first, 1);
    for (Index r = 0; r < n; ++r) EXPECT_EQ(alone(r, first), whole(r, first));
  }
}

TEST_F(ReproducibleDevice, SolutionsAreRight) {
  const auto plain = make_cpu_device(1);
  const auto device = make_reproducible_device(1);
  EXPECT_LT(naive::relative_difference(solved(*device, 0, columns), solved(*plain, 0, columns)), 2e-5);
}

TEST_F(ReproducibleDevice, ColumnsOfProductsDependOnThemselvesAlone) {
  const auto device = make_reproducible_device(1);
  Matrix left = naive::upload(*device, left_);
  Matrix right = naive::upload(*device, right_);
  for (const Index terms : {1, 7, 64, 300}) {
    const ConstMatrixView a = left.view().top_rows(terms);
    const ConstMatrixView b = right.view().top_rows(terms);
    Matrix whole = device->allocate(350, columns);
    Matrix alone = device->allocate(350, columns);
    device->gemm(Op::transpose, Op::none, Real(0.3), a, b, 0, whole.view());
    for (Index c = 0; c < columns; ++c)
      device->gemm(Op::transpose, Op::none, Real(0.3), a, b.block(0, c, terms, 1), 0, alone.view().block(0, c, 350, 1));
    EXPECT_EQ(naive::download(*device, alone.view()).values, naive::download(*device, whole.view()).values);
    Matrix plain = device->allocate(350, columns);
    make_cpu_device(1)->gemm(Op::transpose, Op::none, Real(0.3), a, b, 0, plain.view());
    EXPECT_LT(
        naive::relative_difference(naive::download(*device, whole.view()), naive::download(*device, plain.view())),
        1e-6);
  }
}

TEST_F(ReproducibleDevice, NeighboursDoNotMatterToActivationsAndLosses) {
  const auto device = make_reproducible_device(1);
  std::vector<std::int32_t> labels(columns, 3);
  const auto on_device = device->allocate_labels(columns);
  device->upload_labels(labels, {on_device.get(), columns});
  for (const Index classes : {5, 10, 17}) {
    Matrix f = naive::upload(*device, naive::random(classes, columns, 5));
    device->activate(Activation::tanh, f.view());
    Matrix d = device->allocate(classes, columns);
    device->softmax_cross_entropy(f.view(), {on_device.get(), columns}, 0, d.view());
    const double loss = device->take_loss_sums().loss;
    Matrix g = naive::upload(*device, naive::random(classes, columns, 5));
    Matrix e = device->allocate(classes, columns);
    for (Index c = columns; c-- > 0;) {
      const MatrixView one = g.view().block(0, c, classes, 1);
      device->activate(Activation::tanh, one);
      device->softmax_cross_entropy(one, {on_device.get(), 1}, 0, e.view().block(0, c, classes, 1));
    }
    EXPECT_EQ(device->take_loss_sums().loss, loss) << "in another order";
    EXPECT_EQ(naive::download(*device, e.view()).values, naive::download(*device, d.view()).values);
  }
}

}  // namespace
}  // namespace sibp
