#pragma once

#include "sibp/update/proximal_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>

namespace sibp {

/// What became of one layer's proximal solve.
struct ProximalStep {
  double lambda = 0;
  Index failed_minor = 0;  ///< order of the leading minor of A + λI that is not positive definite; 0: solved
};

/// The proximal solve of one layer by its normal equations, ΔŴ (A + λI) = B: every rank forms A and B of its own
/// samples, both are all-reduced, and every rank factors and solves. The reduction of A starts in the forward pass.
class NormalForm {
 public:
  NormalForm(const UpdateContext& context, const LayerSpec& layer, const Damping& damping);

  /// A = F̂ F̂ᵀ of this rank's samples, and the start of its reduction. Collective.
  void features_ready(ConstMatrixView features);
  /// Ŵ ← Ŵ + B (A + λI)⁻¹ with B = −η S F̂ᵀ over all ranks; Ŵ stays if A + λI is not positive definite. Collective.
  ProximalStep update(const LayerBackward& layer);

 private:
  void wait_for_gram();

  UpdateContext context_;
  Damping damping_;
  Matrix gram_;    ///< A, fan_in × fan_in, lower triangle; then its Cholesky factor
  Matrix packed_;  ///< A's lower triangle without gaps: what travels. Without elements on one rank
  Matrix step_;    ///< B, outputs × fan_in; then ΔŴ
  std::unique_ptr<ReductionInFlight> gram_reduction_;
};

}  // namespace sibp
