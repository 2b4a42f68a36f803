// Long operations of the CPU device, which are cut into panels so that something else can be moved on between these.
#include "sibp/device/device.hpp"

#include "support/naive.hpp"

#include <tuple>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

const double tolerance = sizeof(Real) == 4 ? 2e-5 : 1e-12;
constexpr Index order = 1100;  // more than two panels of a triangle

class Progress : public testing::Test {
 protected:
  /// What `operation` makes of `content` on a device that serves progress, and on one that does not.
  template <class Operation>
  void expect_the_same(const Dense& content, const Operation& operation) {
    int calls = 0;
    device_->set_progress([&] { ++calls; });
    Matrix served = naive::upload(*device_, content);
    operation(*device_, served.view());
    device_->set_progress({});  // `calls` ends with this function
    EXPECT_GE(calls, 2);
    Matrix plain = naive::upload(*other_, content);
    operation(*other_, plain.view());
    EXPECT_LT(
        naive::relative_difference(naive::download(*device_, served.view()), naive::download(*other_, plain.view())),
        tolerance);
  }

  /// Positive definite: 1 on the diagonal, and small numbers beside it.
  static Dense positive() {
    Dense a = naive::random(order, order, 3);
    for (Index c = 0; c < order; ++c)
      for (Index r = 0; r < order; ++r) a(r, c) = r == c ? 1 : 0.5 * a(r, c) / static_cast<double>(order);
    return a;
  }

  std::unique_ptr<Device> device_ = make_cpu_device(1);
  std::unique_ptr<Device> other_ = make_cpu_device(1);
};

TEST_F(Progress, IsServedInLongProducts) {
  int calls = 0;
  for (const auto& [m, n, op_a, op_b] : {std::tuple<Index, Index, Op, Op>{1100, 40, Op::none, Op::none},
                                         {1100, 40, Op::transpose, Op::transpose},
                                         {40, 600, Op::none, Op::transpose},
                                         {40, 600, Op::transpose, Op::none}}) {
    const Index k = 4000;
    const Dense a = naive::random(m, k, 1);
    const Dense b = naive::random(k, n, 2);
    const Matrix stored_a = naive::upload(*device_, op_a == Op::none ? a : naive::transpose(a));
    const Matrix stored_b = naive::upload(*device_, op_b == Op::none ? b : naive::transpose(b));
    Matrix result = device_->allocate(m, n);
    device_->set_progress([&] { ++calls; });
    const int before = calls;
    device_->gemm(op_a, op_b, 1, stored_a.view(), stored_b.view(), 0, result.view());
    EXPECT_GE(calls - before, 2);
    EXPECT_LT(naive::relative_difference(naive::download(*device_, result.view()), naive::product(a, b)), tolerance);
  }
}

TEST_F(Progress, IsServedInLongSyrks) {
  for (const Op op : {Op::none, Op::transpose}) {
    const Dense a = naive::random(order, 30, 1);
    const Matrix stored = naive::upload(*other_, op == Op::none ? a : naive::transpose(a));
    expect_the_same(naive::random(order, order, 2),
                    [&](Device& device, MatrixView c) { device.syrk(op, 2, stored.view(), Real(0.5), c); });
  }
}

TEST_F(Progress, IsServedInLongFactorisations) {
  expect_the_same(positive(), [](Device& device, MatrixView a) { EXPECT_EQ(device.cholesky(a), 0); });
  for (const Index bad : {Index{0}, Index{600}, order - 1}) {
    Dense a = positive();
    a(bad, bad) = -1;
    Matrix factor = naive::upload(*device_, a);
    EXPECT_EQ(device_->cholesky(factor.view()), bad + 1);
  }
}

TEST_F(Progress, IsServedInLongSolves) {
  Matrix factor = naive::upload(*other_, positive());
  ASSERT_EQ(other_->cholesky(factor.view()), 0);
  expect_the_same(naive::random(300, order, 4),
                  [&](Device& device, MatrixView x) { device.solve_right(factor.view(), x); });
  expect_the_same(naive::random(order, 300, 5),
                  [&](Device& device, MatrixView x) { device.solve_left(factor.view(), x); });
}

}  // namespace
}  // namespace sibp
