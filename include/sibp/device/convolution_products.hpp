#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/tensor_shape.hpp"

namespace sibp {

/// What a convolution takes and makes, for whoever makes room for it.
struct ConvolutionShape {
  Window window;
  Index outputs = 0;              ///< channels of G
  Index samples = 0;              ///< at most, of one call
  bool images_have_gaps = false;  ///< other elements follow every sample
  bool outputs_have_gaps = false;
};

/// The three products of one convolution with its patches P̂ = [P; 1ᵀ], which are never in memory: fan_in × N_p with
/// fan_in = patch() + 1 and N_p = places() · M_p, as NetworkOperations::unfold makes them. Ŵ is outputs × fan_in.
/// `images` are window.input.size() × M_p and `s` is outputs × N_p without gaps; M_p is at least 1.
///
/// All calls are Local, and equal ones have equal results. Made by Device::make_convolution, which it must not outlive.
class ConvolutionProducts {
 public:
  ConvolutionProducts() = default;
  ConvolutionProducts(const ConvolutionProducts&) = delete;
  ConvolutionProducts& operator=(const ConvolutionProducts&) = delete;
  virtual ~ConvolutionProducts() = default;

  /// G = Ŵ P̂, as a tensor of outputs · places() × M_p, which may have gaps.
  virtual void forward(ConstMatrixView weights, ConstMatrixView images, MatrixView g) = 0;
  /// part ← alpha S P̂ᵀ, outputs × fan_in.
  virtual void delta_and_inputs(Real alpha, ConstMatrixView s, ConstMatrixView images, MatrixView part) = 0;
  /// part ← alpha P̂ Sᵀ, fan_in × outputs.
  virtual void inputs_and_delta(Real alpha, ConstMatrixView images, ConstMatrixView s, MatrixView part) = 0;
  /// images ← beta images + fold(Wᵀ S), `images` without gaps; beta is 0, which overwrites whatever they hold, or 1.
  virtual void carry(ConstMatrixView weights, ConstMatrixView s, Real beta, MatrixView images) = 0;
};

}  // namespace sibp
