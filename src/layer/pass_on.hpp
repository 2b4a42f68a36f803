#pragma once

#include "sibp/layer/layer.hpp"

namespace sibp {

/// The difference of input `k` ← d, or += d where it holds something already; nothing to do where d lies there, or
/// where the input has no difference.
inline void pass_on(const LayerPlace& place, ConstMatrixView d, std::size_t k) {
  if (!place.carries(k)) return;
  const MatrixView to = place.input_difference(k);
  if (to.data == d.data) return;
  if (place.beta(k) == Real(0)) {
    place.device.copy(d, to);
  } else {
    place.device.axpy(1, d, to);
  }
}

}  // namespace sibp
