#pragma once

#include "sibp/comm/fused_sums.hpp"
#include "sibp/update/update_rule.hpp"

#include <optional>
#include <vector>

namespace sibp {

/// D_{i−1} = W_iᵀ S_i (inputs × M_p) with the weights as they are; nothing in the first layer. Local.
void carry_difference(const UpdateContext& context, const LayerBackward& layer);

/// The gradients of the mean loss of a step's layers, while they are summed over ranks: what methods have in common
/// that carry the difference by the old weights.
class GradientReductions {
 public:
  /// For the layers from `first` (counted from 0) to the last.
  GradientReductions(const UpdateContext& context, const NetworkSpec& spec, std::size_t first = 0);

  /// Gradient S_i F̂_{i−1}ᵀ / M of this rank's samples, and the start of its reduction. Remembers the layer. Collective.
  void start(const LayerBackward& layer);
  /// The layer as it was given to start(); its features stay valid until the end of the step.
  [[nodiscard]] const LayerBackward& started(std::size_t layer) const { return *started_.at(layer - first_); }
  /// Waits for the sum over ranks, outputs × fan_in. In the order of the starts. Collective.
  MatrixView finish(std::size_t layer);

 private:
  /// The last layer's comes first, as in the backward pass.
  [[nodiscard]] std::size_t place(std::size_t layer) const { return first_ + started_.size() - 1 - layer; }

  UpdateContext context_;
  std::size_t first_;
  std::vector<std::optional<LayerBackward>> started_;
  FusedSums sums_;
};

}  // namespace sibp
