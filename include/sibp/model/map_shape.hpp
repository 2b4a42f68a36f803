#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/activation.hpp"

namespace sibp {

/// The shape of a linear map G = Ŵ P̂ with Ŵ = [W b], outputs × (inputs + 1): all that costs, memory and the forms of
/// the update depend on. P̂ has the columns that go in, with a row of ones: one a sample for a dense layer, one a place
/// of the window (its patch) for a convolution.
struct MapShape {
  Index inputs = 0;                              ///< rows of P̂ without that of ones
  Index outputs = 0;                             ///< rows of Ŵ and G
  Activation activation = Activation::identity;  ///< σ of what follows, F = σ(G)
  Index columns = 1;                             ///< of P̂ for each sample; N = columns · M for a batch of M

  [[nodiscard]] Index fan_in() const { return inputs + 1; }  ///< with the row of ones
  [[nodiscard]] Index parameters() const { return outputs * fan_in(); }
  friend bool operator==(const MapShape&, const MapShape&) = default;
};

/// As many columns as are formed at a time where they are not in memory as a whole, of `elements` at hand: but at least
/// 256, as fewer leave products slow.
inline Index columns_of_block(const MapShape& map, Index elements) {
  const Index columns = elements / map.fan_in();
  return columns < 256 ? 256 : columns;
}

}  // namespace sibp
