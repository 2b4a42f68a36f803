#pragma once

#include "sibp/update/update_rule.hpp"

#include "update/scratch.hpp"

#include <memory>

namespace sibp {

/// Solves X (A + λI) = B, A = F̂ F̂ᵀ over all ranks' samples, for one layer by conjugate gradients, row by row of X but
/// all rows at once. A is never formed: P A = (P F̂) F̂ᵀ.
class ConjugateGradientSolve {
 public:
  ConjugateGradientSolve(const UpdateContext& context, const LayerSpec& layer);

  /// x ← the `steps`-th iterate from 0 for the right-hand side x, outputs × fan_in. Collective.
  void solve(ConstMatrixView features, double lambda, Index steps, MatrixView x);

 private:
  /// Q ← P (A + λI)
  void apply(ConstMatrixView features, double lambda);

  UpdateContext context_;
  Matrix residual_;                         ///< R, outputs × fan_in as all that follow
  Matrix direction_;                        ///< P
  std::unique_ptr<ReducibleMatrix> image_;  ///< Q
  Scratch product_;                         ///< P F̂, outputs × M_p
};

}  // namespace sibp
