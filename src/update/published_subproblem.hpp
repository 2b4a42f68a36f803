#pragma once

#include "sibp/update/update_rule.hpp"

#include "update/scratch.hpp"

namespace sibp {

/// Minimises, over x = W or x = b of one layer, obj(x) = ‖σ(x F + C) − T‖² + λ ‖x − x_old‖² by 5 steps of Fletcher and
/// Reeves' conjugate gradients, without restart or tolerance: d = −g; search along d; d ← −g_new + (‖g_new‖²/‖g‖²) d.
///
/// A step is taken only if the exponent that the search accepts is greater than 0. In the last layer, which is linear,
/// the first gradient leaves C out. Sums over samples are all-reduced, the term with λ is equal on all ranks;
/// objectives and norms are accumulated in double.
class PublishedSubProblem {
 public:
  PublishedSubProblem(const UpdateContext& context, double lambda);

  /// What is minimised. Columns are this rank's samples.
  struct Problem {
    Activation activation = Activation::identity;
    bool is_last = false;       ///< the last layer: linear, and with another rule of the search
    ConstMatrixView features;   ///< F: F_{i−1}, or the row of ones for b
    ConstMatrixView target;     ///< T, outputs × M_p
    MatrixView x;               ///< W or b, in and out; without gaps
    MatrixView pre_activation;  ///< G = x F + C, outputs × M_p, in and out
  };

  /// Collective.
  void minimise(const Problem& problem);

 private:
  /// The sub-problem's matrices in the shapes of one problem.
  struct Views {
    MatrixView gradient, direction, moved;   ///< g, d and x − x_old, as x
    MatrixView activation, residual, image;  ///< σ(G), a residual, H = d F: outputs × M_p
  };

  Views views_for(const Problem& problem);
  /// residual ← x F − T in the first gradient of the last layer, σ(G) − T otherwise.
  void form_residual(const Problem& problem, const Views& views, bool without_constant);
  /// g ← 2 (residual ∘ σ'(G)) Fᵀ + 2λ (x − x_old). Collective.
  void form_gradient(const Problem& problem, const Views& views);
  /// Moves x and G along d as far as the search says. Collective.
  void search(const Problem& problem, const Views& views);

  UpdateContext context_;
  double lambda_;
  Scratch gradient_, direction_, moved_;
  Scratch activation_, residual_, image_;
};

}  // namespace sibp
