#pragma once

#include "sibp/device/scratch.hpp"

#include "update/tally.hpp"

namespace sibp {

/// An approximate polar factor: X = U Σ Vᵀ becomes about U Vᵀ, its singular values between 0.7 and 1.2, by five
/// Newton–Schulz steps
///
///   X ← a X + (b X Xᵀ + c (X Xᵀ)²) X,   (a, b, c) = (3.4445, −4.7750, 2.0315),
///
/// from X / ‖X‖ (Jordan et al. 2024, Muon). Small singular values, below about 0.01 of ‖X‖, stay smaller.
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
  Device& device_;
  Scratch squares_;  ///< X Xᵀ or Xᵀ X, the smaller of the two
  Scratch powers_;   ///< b X Xᵀ + c (X Xᵀ)²
  Scratch next_;     ///< the X of the next step
};

}  // namespace sibp
