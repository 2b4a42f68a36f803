#pragma once

#include <cudnn.h>

/// What tests ask of the emulated cuDNN, and have it do.
namespace sibp::emulation {

struct Cudnn {
  int forward = 0;  ///< calls since the start
  int weights = 0;
  int images = 0;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;  ///< of the last call
  bool opens = true;                          ///< as on a machine that has the library
  bool has_deterministic_algorithms = true;
};

Cudnn& cudnn();

}  // namespace sibp::emulation
