#pragma once

namespace sibp {

/// One step of gradient descent with momentum (Sutskever et al., ICML 2013, in the form without a dampening factor):
///
///   g ← ∇ + δ W,   v ← μ v + g,   W ← W − α v,   or W ← W − α (g + μ v) in Nesterov's form
struct MomentumStep {
  double rate = 0;          ///< α
  double momentum = 0;      ///< μ
  double weight_decay = 0;  ///< δ
  bool nesterov = false;
};

/// One step of Adam (Kingma and Ba, ICLR 2015, algorithm 1):
///
///   g ← ∇ + δ W,   m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²,
///   W ← W − α (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
struct AdamStep {
  double rate = 0;               ///< α
  double beta1 = 0;              ///< β₁
  double beta2 = 0;              ///< β₂
  double epsilon = 0;            ///< ε
  double weight_decay = 0;       ///< δ
  double first_correction = 1;   ///< 1 − β₁ᵗ
  double second_correction = 1;  ///< 1 − β₂ᵗ
};

}  // namespace sibp
