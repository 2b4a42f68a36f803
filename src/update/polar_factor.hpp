#pragma once

#include "sibp/device/scratch.hpp"

#include "update/tally.hpp"

namespace sibp {

/// An approximate polar factor: X = U Σ Vᵀ becomes about U Vᵀ, its singular values between 0.7 and 1.2, by five
/// Newton–Schulz steps
///
///   X ← a X + (b X Xᵀ + c (X Xᵀ)²) X,   (a, b, c) = (3.4445, −4.7750, 2.0315),
///
/// from X / ‖X‖ (Jordan et al. 2024, Muon). Small singular values, below about 0.01 of ‖X‖, stay smaller. All steps are
/// polynomials of the same S = X Xᵀ, so they are multiplied among themselves, o × o, and X by the product alone: for
/// X o × n that is 4 n o² + 36 o³ flops in place of 20 n o² + 10 o³. In float32 the result is right to about 3e-4.
class PolarFactor {
 public:
  static constexpr int steps = 5;

  /// For matrices of at most so many elements, whose shorter side is at most `shorter`.
  PolarFactor(Device& device, Index shorter, Index elements);

  /// Replaces X; leaves zeros as they are. Local.
  void replace(MatrixView x);

  /// That it allocates, for a matrix of so many elements. Local.
  static double elements(double shorter, double of_matrix);
  /// Adds what replace() takes for a rows × cols matrix. Local.
  static void add_cost(Tally& tally, double rows, double cols);

 private:
  /// out ← Y (a I + R).
  void add_step(ConstMatrixView y, ConstMatrixView r, MatrixView out);

  Device& device_;
  Scratch squares_;  ///< S, X Xᵀ or Xᵀ X, the smaller of the two
  Scratch powers_;   ///< R = b S + c S²
  Scratch product_;  ///< M: the steps so far multiply X by alpha I + M
  Scratch spare_;
  Scratch next_;  ///< the polar factor
};

}  // namespace sibp
