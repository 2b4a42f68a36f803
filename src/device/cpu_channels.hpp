#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"
#include "sibp/device/network_operations.hpp"

#include <span>
#include <vector>

/// What the CPU device does with the channels of tensors; private to the CPU device, whose shapes are checked before.
/// See NetworkOperations for what it does. Memory that was needed once is kept for the next call.
namespace sibp::cpu {

class ChannelSums {
 public:
  void operator()(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums);

 private:
  void add_run(const Real* x, const Real* z, Index size);
  void take(std::span<double> sums);

  Index row_ = 0;
  std::vector<double> of_x_;  ///< of every element of a row
  std::vector<double> of_products_;
};

class CombineChannels {
 public:
  void operator()(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x, ConstMatrixView z,
                  Activation activation, Real beta, MatrixView y);

 private:
  std::vector<Real> of_x_;  ///< for every element of a row
  std::vector<Real> of_z_;
  std::vector<Real> constant_;
};

}  // namespace sibp::cpu
