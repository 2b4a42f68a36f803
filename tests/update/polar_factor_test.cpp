#include "update/polar_factor.hpp"

#include "support/naive.hpp"
#include "support/test_device.hpp"

#include <cmath>

#include <Eigen/SVD>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;
using Values = Eigen::MatrixXd;

Values as_eigen(const Dense& x) {
  return Eigen::Map<const Values>(x.values.data(), x.rows, x.cols);
}

class PolarFactors : public testing::TestWithParam<std::pair<Index, Index>> {};

TEST_P(PolarFactors, HaveTheSingularVectorsAndSingularValuesNearOne) {
  const auto [rows, cols] = GetParam();
  const auto device = testing_support::make_test_device();
  PolarFactor polar(*device, 12, 360);
  const Dense x = naive::random(rows, cols, 4);
  Matrix matrix = naive::upload(*device, x);
  polar.replace(matrix.view());
  const Values found = as_eigen(naive::download(*device, matrix.view()));
  const Eigen::JacobiSVD<Values> of_x(as_eigen(x), Eigen::ComputeThinU | Eigen::ComputeThinV);
  const Eigen::JacobiSVD<Values> of_found(found);
  EXPECT_LT(of_found.singularValues().maxCoeff(), 1.25);
  EXPECT_GT(of_found.singularValues().minCoeff(), 0.65);
  const Values rotated =
      of_x.matrixU().transpose() * found * of_x.matrixV();  // diagonal where the vectors are those of X
  const Values off = rotated - Values(rotated.diagonal().asDiagonal());
  EXPECT_LT(off.norm(), 1e-4 * rotated.norm());
}

INSTANTIATE_TEST_SUITE_P(Shapes, PolarFactors,
                         testing::Values(std::pair<Index, Index>{12, 30}, std::pair<Index, Index>{20, 7},
                                         std::pair<Index, Index>{9, 9}, std::pair<Index, Index>{1, 5}));

TEST(PolarFactor, OfZerosIsZero) {
  const auto device = testing_support::make_test_device();
  Matrix matrix = naive::upload(*device, Dense(4, 5));
  PolarFactor(*device, 4, 20).replace(matrix.view());
  for (const double value : naive::download(*device, matrix.view()).values) EXPECT_EQ(value, 0);
}

}  // namespace
}  // namespace sibp
