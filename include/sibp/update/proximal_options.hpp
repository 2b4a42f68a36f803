#pragma once

namespace sibp {

/// The proximal weight λ_i of a layer, the weight of ‖ΔŴ_i‖² in its least-squares problem.
struct Damping {
  enum class Kind {
    relative,  ///< λ_i = ρ · trace(A_i) / (n_{i−1} + 1): free of batch size, pixel scaling and layer width
    absolute,  ///< λ_i = λ on the summed A_i, as in the paper
  };
  Kind kind = Kind::relative;
  double value = 1;  ///< ρ or λ, > 0
};

/// Which weights carry the difference backward, D_{i−1} = W_iᵀ S_i.
enum class Carry {
  new_weights,  ///< those after the update: what makes the method semi-implicit
  old_weights,  ///< those before it, as back propagation does
};

}  // namespace sibp
