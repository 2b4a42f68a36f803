// Rounding to bfloat16, against what its definition says of single numbers.
#include "device/bfloat16.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace sibp {
namespace {

Real there_and_back(double value) {
  const auto real = static_cast<Real>(value);
  Bfloat16 rounded = 0;
  round_to_bfloat16({&real, 1}, &rounded);
  Real back = 0;
  from_bfloat16({&rounded, 1}, &back);
  return back;
}

TEST(Bfloat16, WhatItHoldsStaysAsItIs) {
  for (const double value : {0.0, 1.0, -1.0, 255.0, 0.0078125, 1.9921875, -3.0e38 / 3.0e38, std::ldexp(1, -126)})
    EXPECT_EQ(static_cast<double>(there_and_back(value)), value);
  EXPECT_TRUE(std::signbit(there_and_back(-0.0)));
}

TEST(Bfloat16, RoundsToNearestAndTiesToEven) {
  const double ulp = std::ldexp(1, -7);  // above 1
  EXPECT_EQ(there_and_back(1 + 0.49 * ulp), 1);
  EXPECT_EQ(there_and_back(1 + 0.5 * ulp), 1);
  EXPECT_EQ(there_and_back(1 + 0.51 * ulp), static_cast<Real>(1 + ulp));
  EXPECT_EQ(there_and_back(1 + 1.5 * ulp), static_cast<Real>(1 + 2 * ulp));
  EXPECT_EQ(there_and_back(-1 - 1.5 * ulp), static_cast<Real>(-1 - 2 * ulp));
  EXPECT_EQ(there_and_back(2 - 0.25 * ulp), 2) << "the fraction carries into the exponent";
}

TEST(Bfloat16, KeepsWhatIsNotFinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(there_and_back(infinity), infinity);
  EXPECT_EQ(there_and_back(-infinity), -infinity);
  EXPECT_EQ(there_and_back(static_cast<double>(std::numeric_limits<float>::max())), infinity) << "beyond the largest";
  EXPECT_TRUE(std::isnan(there_and_back(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(there_and_back(-std::numeric_limits<double>::quiet_NaN())));
}

TEST(Bfloat16, IsAddedAsItIs) {
  const std::vector<Real> values{1, 2, 3.5};
  std::vector<Bfloat16> rounded(3);
  round_to_bfloat16(values, rounded.data());
  std::vector<Real> sum{static_cast<Real>(0.001), 10, -3.5};
  const std::vector<Real> expected{sum[0] + 1, 12, 0};
  add_bfloat16(rounded, sum.data());
  EXPECT_EQ(sum, expected);
}

}  // namespace
}  // namespace sibp
