#pragma once

#include "sibp/update/update_rule.hpp"

#include "update/optimiser.hpp"

#include <vector>

namespace sibp {

/// Gradients of the mean loss with respect to [γ β] of a network's normalisations, for methods that give them to an
/// optimiser at the end of a step. All functions are Local.
class ScaleGradients {
 public:
  ScaleGradients(Device& device, const NetworkSpec& spec);

  /// [Σ S ∘ x̂, Σ S] / M, of channels × 2; Σ S / M where γ is fixed.
  void take(ScaleMap& scales, const StepSize& step);
  /// Gives all to the optimiser.
  void apply(OptimiserState& optimiser);

 private:
  struct Taken {
    Matrix gradient;
    ScaleMap* scales = nullptr;
    double rate = 0;
  };

  Device& device_;
  std::vector<Taken> all_;
  std::vector<Real> host_;
};

}  // namespace sibp
