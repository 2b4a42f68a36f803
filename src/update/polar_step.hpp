#pragma once

#include "sibp/update/proximal_options.hpp"

#include "update/polar_factor.hpp"
#include "update/tally.hpp"

namespace sibp {

/// The steps of one map that have a polar factor in them, with A + λI = L Lᵀ:
///
///   spectral:     X = B L⁻ᵀ,          ΔŴ = msgn(X) L⁻¹    (every direction of the neurons moves equally)
///   newton-muon:  X = B (A + λI)⁻¹,   ΔŴ = msgn(X)        (every direction of the weights does; arXiv 2604.01472)
///
/// A rank makes its own rows of X, and every rank all of ΔŴ from X. Matrices are transposed, n × o. All calls are
/// Local.
class PolarStep {
 public:
  PolarStep(Device& device, StepRule::Kind kind, const MapShape& map);

  /// Rows of X in the place of those of B.
  void solve(ConstMatrixView factor, MatrixView rows);
  /// ΔŴ from X.
  void take(ConstMatrixView x, ConstMatrixView factor);
  /// ΔŴᵀ, after take().
  [[nodiscard]] MatrixView step() { return step_.view(); }

 private:
  Device& device_;
  bool is_spectral_;
  PolarFactor polar_;
  Matrix step_;
};

/// Adds what each of so many ranks does for it, and to measure it. Local.
void add_polar_step(Tally& tally, StepRule::Kind kind, const MapShape& map, int ranks);
/// Elements that it allocates. Local.
double polar_step_elements(const MapShape& map);

}  // namespace sibp
