#pragma once

#include "sibp/model/network_spec.hpp"

namespace sibp {

/// What one rank does and gives to reductions for one layer in one step of `batch` samples dealt evenly to `ranks`
/// ranks.
struct LayerCost {
  double flops_network =
      0;  ///< forward pass and difference carried back: 2 n_i (n_{i−1} + 1) and 2 n_i n_{i−1} per sample
  double flops_update = 0;   ///< the proximal solve, or the gradient
  double bytes_reduced = 0;  ///< matrices given to all-reduces
};

/// The proximal update in normal form, with n = n_{i−1} + 1 and o = n_i: A costs n²M/P flops, B 2noM/P, the
/// factorisation n³/3, the solve 2n²o; the triangle of A and all of B are reduced. `first` layers carry no difference
/// back. Local.
LayerCost semi_implicit_cost(const LayerSpec& layer, bool first, Index batch, int ranks);

}  // namespace sibp
