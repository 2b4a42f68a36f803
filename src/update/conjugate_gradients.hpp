#pragma once

#include "sibp/device/scratch.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>

namespace sibp {

/// Solves X (A + λI) = B, A = P̂ P̂ᵀ over all ranks' columns, for one map by conjugate gradients, row by row of X but all
/// rows at once. A is never formed: D A = (D P̂) P̂ᵀ, block by block of columns.
class ConjugateGradientSolve {
 public:
  ConjugateGradientSolve(const UpdateContext& context, const MapShape& map);

  /// x ← the `steps`-th iterate from 0 for the right-hand side x, outputs × fan_in. Collective.
  void solve(LinearMap& map, double lambda, Index steps, MatrixView x);

 private:
  /// Q ← D (A + λI)
  void apply(LinearMap& map, double lambda);

  UpdateContext context_;
  Matrix residual_;                   ///< R, outputs × fan_in as all that follow
  Matrix direction_;                  ///< D
  std::unique_ptr<AllReduce> image_;  ///< Q
  Scratch product_;                   ///< D P̂ of a block
};

}  // namespace sibp
