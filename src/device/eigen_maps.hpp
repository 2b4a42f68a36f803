#pragma once

#include "sibp/core/matrix_view.hpp"

#include <Eigen/Dense>

/// Views as Eigen expressions; private to the CPU device.
namespace sibp {

using EigenMatrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
using EigenView = Eigen::Map<EigenMatrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using EigenConstView = Eigen::Map<const EigenMatrix, Eigen::Unaligned, Eigen::OuterStride<>>;

inline EigenView eigen(MatrixView a) {
  return {a.data, a.rows, a.cols, Eigen::OuterStride<>(a.stride)};
}
inline EigenConstView eigen(ConstMatrixView a) {
  return {a.data, a.rows, a.cols, Eigen::OuterStride<>(a.stride)};
}

}  // namespace sibp
