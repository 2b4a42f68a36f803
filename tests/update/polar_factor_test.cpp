#include "update/polar_factor.hpp"

#include "support/naive.hpp"
#include "support/test_device.hpp"

#include <cmath>

#include <Eigen/Eigenvalues>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;
using Values = Eigen::MatrixXd;

Values as_eigen(const Dense& x) {
  return Eigen::Map<const Values>(x.values.data(), x.rows, x.cols);
}

/// Of the shorter side.
Eigen::VectorXd singular_values(const Values& x) {
  const Values gram = x.rows() < x.cols() ? Values(x * x.transpose()) : Values(x.transpose() * x);
  return Eigen::SelfAdjointEigenSolver<Values>(gram, Eigen::EigenvaluesOnly).eigenvalues().cwiseSqrt();
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
  EXPECT_LT(singular_values(found).maxCoeff(), 1.25);
  EXPECT_GT(singular_values(found).minCoeff(), 0.65);
  // M Xᵀ = U S Σ Uᵀ and Xᵀ M = V Σ S Vᵀ are symmetric where M = U S Vᵀ has the vectors of X = U Σ Vᵀ.
  const Values of_x = as_eigen(x);
  for (const Values& product : {Values(found * of_x.transpose()), Values(of_x.transpose() * found)})
    EXPECT_LT((product - product.transpose()).norm(), 1e-4 * product.norm());
  EXPECT_GT((found * of_x.transpose()).trace(), 0);
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
