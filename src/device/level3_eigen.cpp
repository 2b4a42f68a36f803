#include "device/eigen_maps.hpp"
#include "device/level3.hpp"

#include <algorithm>
#include <ranges>

#include <Eigen/Cholesky>
#include <Eigen/Core>

namespace sibp::level3 {
namespace {

/// target ← beta target + product, where beta = 0 overwrites even what is not finite.
template <class Target, class Product>
void accumulate(Real beta, Target target, const Product& product) {
  if (beta == Real(0)) {
    target.noalias() = product;
  } else {
    if (beta != Real(1)) target *= beta;
    target.noalias() += product;
  }
}

}  // namespace

std::string name() {
  return "Eigen " + std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
         std::to_string(EIGEN_MINOR_VERSION);
}

std::optional<std::string> advice() {
  return "products are done by Eigen; install OpenBLAS with LAPACKE (libopenblas-dev, liblapacke-dev) and build again: "
         "it is several times faster";
}

void set_threads(int threads) {
  Eigen::setNbThreads(threads);
}

void product(Op op_a, Op op_b, const ProductShape& shape, const double* a, const double* b, double* c) {
  const auto [m, n, k] = shape;
  using Doubles = Eigen::Map<const Eigen::MatrixXd>;
  Eigen::Map<Eigen::MatrixXd> target(c, m, n);
  if (op_a == Op::none && op_b == Op::none) target.noalias() = Doubles(a, m, k) * Doubles(b, k, n);
  if (op_a == Op::none && op_b == Op::transpose) target.noalias() = Doubles(a, m, k) * Doubles(b, n, k).transpose();
  if (op_a == Op::transpose && op_b == Op::none) target.noalias() = Doubles(a, k, m).transpose() * Doubles(b, k, n);
  if (op_a == Op::transpose && op_b == Op::transpose)
    target.noalias() = Doubles(a, k, m).transpose() * Doubles(b, n, k).transpose();
}

void triangle(Op op, Index n, Index k, const double* a, double* c) {
  Eigen::Map<Eigen::MatrixXd> target(c, n, n);
  target.triangularView<Eigen::Lower>().setZero();
  if (op == Op::none) {
    target.selfadjointView<Eigen::Lower>().rankUpdate(Eigen::Map<const Eigen::MatrixXd>(a, n, k));
  } else {
    target.selfadjointView<Eigen::Lower>().rankUpdate(Eigen::Map<const Eigen::MatrixXd>(a, k, n).transpose());
  }
}

void gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) {
  const auto left = eigen(a);
  const auto right = eigen(b);
  if (op_a == Op::none && op_b == Op::none) accumulate(beta, eigen(c), alpha * left * right);
  if (op_a == Op::none && op_b == Op::transpose) accumulate(beta, eigen(c), alpha * left * right.transpose());
  if (op_a == Op::transpose && op_b == Op::none) accumulate(beta, eigen(c), alpha * left.transpose() * right);
  if (op_a == Op::transpose && op_b == Op::transpose)
    accumulate(beta, eigen(c), alpha * left.transpose() * right.transpose());
}

void syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) {
  auto target = eigen(c);
  for (Index column = 0; column < c.cols; ++column) {  // beta on the triangle only
    auto below = target.col(column).tail(c.rows - column);
    if (beta == Real(0)) {
      below.setZero();
    } else if (beta != Real(1)) {
      below *= beta;
    }
  }
  if (a.empty()) return;  // Eigen's rankUpdate does not take a matrix without columns
  if (op == Op::none) {
    target.selfadjointView<Eigen::Lower>().rankUpdate(eigen(a), alpha);
  } else {
    target.selfadjointView<Eigen::Lower>().rankUpdate(eigen(a).transpose(), alpha);
  }
}

Index cholesky(MatrixView a) {
  auto target = eigen(a);
  const Eigen::LLT<EigenMatrix> factor(target);
  if (factor.info() == Eigen::Success) {
    target.triangularView<Eigen::Lower>() = factor.matrixLLT();
    return 0;
  }
  // It does not say which leading minor it failed at. If one fails, all larger ones do.
  const auto succeeds = [&](Index order) {
    return Eigen::LLT<EigenMatrix>(target.topLeftCorner(order, order)).info() == Eigen::Success;
  };
  return *std::ranges::partition_point(std::views::iota(Index{1}, a.rows), succeeds);
}

void divide_by_transpose(ConstMatrixView factor, MatrixView x) {
  const auto lower = eigen(factor).triangularView<Eigen::Lower>();
  auto target = eigen(x);
  lower.transpose().solveInPlace<Eigen::OnTheRight>(target);
}

void solve_right(ConstMatrixView factor, MatrixView x) {
  const auto lower = eigen(factor).triangularView<Eigen::Lower>();
  auto target = eigen(x);
  lower.transpose().solveInPlace<Eigen::OnTheRight>(target);
  lower.solveInPlace<Eigen::OnTheRight>(target);
}

void solve_left(ConstMatrixView factor, MatrixView x) {
  solve_triangle(Op::none, factor, x);
  solve_triangle(Op::transpose, factor, x);
}

void solve_triangle(Op op, ConstMatrixView factor, MatrixView x) {
  const auto lower = eigen(factor).triangularView<Eigen::Lower>();
  auto target = eigen(x);
  if (op == Op::none) {
    lower.solveInPlace(target);
  } else {
    lower.transpose().solveInPlace(target);
  }
}

}  // namespace sibp::level3
