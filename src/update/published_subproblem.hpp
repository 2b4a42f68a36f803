#pragma once

#include "sibp/device/data_term.hpp"
#include "sibp/device/scratch.hpp"
#include "sibp/update/update_rule.hpp"

#include "update/published_line.hpp"

namespace sibp {

/// Minimises, over x = W or x = b of one layer, obj(x) = ‖σ(x F + C) − T‖² + λ ‖x − x_old‖² by 5 steps of Fletcher and
/// Reeves' conjugate gradients, without restart or tolerance: d = −g; search along d; d ← −g_new + (‖g_new‖²/‖g‖²) d.
///
/// A step is taken only if the exponent that the search accepts is greater than 0. In the last layer, which is linear,
/// the first gradient leaves C out. Sums over samples are all-reduced, the term with λ is equal on all ranks.
class PublishedSubProblem {
 public:
  PublishedSubProblem(const UpdateContext& context, double lambda);

  /// x F or C = x F: one of the two parts of the pre-activations. Columns of F are this rank's samples.
  struct Part {
    MatrixView x;              ///< W or b
    ConstMatrixView features;  ///< F_{i−1}, or the row of ones
  };

  /// What is minimised.
  struct Problem {
    DataTerm& data;         ///< ‖σ(x F + C) − T‖²
    double data_value;      ///< of all ranks, at the start
    Activation activation;  ///< σ
    bool is_last;           ///< the last layer, which has another rule of the search
    Part variable;          ///< x in and out
    Part constant;          ///< C
    AllReduce& gradient;    ///< as x
  };

  /// Moves x and the data term's G with it, and returns the data term of all ranks. Collective.
  double minimise(const Problem& problem);

 private:
  /// Where the minimisation of one problem is.
  struct State {
    double data_value = 0;
    double distance = 0;    ///< ‖x − x_old‖²
    MatrixView direction;   ///< d, as x
    MatrixView moved;       ///< x − x_old, as x
    MatrixView of_outputs;  ///< a residual, then H = d F: outputs × M_p
  };

  /// g ← 2 ((σ(G) − T) ∘ σ'(G)) Fᵀ + 2λ (x − x_old), with C left out of G or not. Collective.
  void form_gradient(const Problem& problem, const State& state, bool without_constant);
  /// Moves along d as far as the search says. Collective.
  void search(const Problem& problem, State& state);

  UpdateContext context_;
  double lambda_;
  Scratch direction_, moved_, of_outputs_;
};

}  // namespace sibp
