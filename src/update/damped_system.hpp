#pragma once

#include "sibp/device/device.hpp"
#include "sibp/update/proximal_options.hpp"

namespace sibp {

/// What became of one layer's system.
struct ProximalStep {
  double lambda = 0;
  Index failed_minor = 0;  ///< order of the leading minor that is not positive definite; 0: solved
  double move = 0;         ///< ‖ΔŴ P̂‖² in the metric of A, where it is asked for
  double size = 0;         ///< ‖Ŵ P̂‖² in the same
};

/// L Lᵀ = a + λI in the place of `a` (lower triangle), which is A = F̂ F̂ᵀ or K = F̂ᵀ F̂, with the same trace, summed over
/// all ranks: λ is added once. `fan_in` is the number of rows of F̂. Where `a` is a mean over samples, λ is divided by
/// their number. Local.
ProximalStep factorise(Device& device, MatrixView a, const Damping& damping, Index fan_in, Index mean_over = 1);

}  // namespace sibp
