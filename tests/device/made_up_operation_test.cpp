// An operation that nobody knew: the functor that says what becomes of an element is all that a device needs to do it.
// A line of device/cuda_instances.hpp would compile the kernel.
#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"

#include "device/element_operation.hpp"
#include "support/naive.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace sibp {
namespace {

/// y ← min(max(x, −limit), limit), element by element.
struct Clip {
  Real limit;
  ConstMatrixView x;
  MatrixView y;
  constexpr void operator()(Index r, Index c) const { y(r, c) = std::min(std::max(x(r, c), -limit), limit); }
};

}  // namespace

template <>
void cuda::for_each_element(CUstream_st*, Index, Index, const Clip&) {
  throw Error(ExitStatus::runtime, "no kernel is compiled for this work");
}

namespace {

void expect_clipped(Device& device) {
  const naive::Dense x = naive::random(7, 5, 1);
  const Matrix given = naive::upload(device, x);
  Matrix result = device.allocate(7, 5);
  constexpr Real limit = Real(0.25);
  device.apply({7, 5, Clip{limit, given.view(), result.view()}});
  const naive::Dense y = naive::download(device, result.view());
  Index clipped = 0;
  for (Index c = 0; c < 5; ++c) {
    for (Index r = 0; r < 7; ++r) {
      const Real expected = std::min(std::max(static_cast<Real>(x(r, c)), -limit), limit);
      EXPECT_EQ(static_cast<Real>(y(r, c)), expected);
      clipped += std::abs(expected) == limit ? 1 : 0;
    }
  }
  EXPECT_GT(clipped, 0);
  EXPECT_LT(clipped, 35);
}

TEST(MadeUpOperation, IsDoneByEveryDeviceOfProcessors) {
  expect_clipped(*make_cpu_device(1));
  expect_clipped(*make_reproducible_device(1));
}

}  // namespace
}  // namespace sibp
