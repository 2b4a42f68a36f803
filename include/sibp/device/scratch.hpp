#pragma once

#include "sibp/device/device.hpp"

namespace sibp {

/// A matrix for one use after the other, of whatever shape; grows to the largest. Local.
class Scratch {
 public:
  explicit Scratch(Device& device) : device_(&device) {}

  /// rows × cols, with any content.
  MatrixView of(Index rows, Index cols) {
    if (matrix_.size() < rows * cols) matrix_ = device_->allocate(rows, cols);
    return matrix_.reshaped(rows, cols);
  }

 private:
  Device* device_;
  Matrix matrix_;
};

}  // namespace sibp
