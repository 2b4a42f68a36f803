#pragma once

#include "sibp/comm/fused_sums.hpp"
#include "sibp/update/update_rule.hpp"

#include <vector>

namespace sibp {

/// Carries the difference by the weights as they are now. Local.
void carry_difference(const UpdateContext& context, LinearMap& map);
/// The same through a normalisation.
void carry_difference(const UpdateContext& context, ScaleMap& scales);

/// The gradients of the mean loss of a step's maps, while they are summed over ranks: what methods have in common that
/// carry the difference by the old weights.
class GradientReductions {
 public:
  /// For the maps from `first` (counted from 0) to the last.
  GradientReductions(const UpdateContext& context, const NetworkSpec& spec, std::size_t first = 0);

  /// Gradient S P̂ᵀ / M of this rank's samples, and the start of its reduction. Remembers the map. Collective.
  void start(LinearMap& map, const StepSize& step);
  /// The map that was given to start(); its columns stay valid until the end of the step.
  [[nodiscard]] LinearMap& started(std::size_t map) const { return *started_.at(map - first_); }
  /// Waits for the sum over ranks, outputs × fan_in. In the order of the starts. Collective.
  MatrixView finish(std::size_t map);

 private:
  /// The last map's comes first, as in the backward pass.
  [[nodiscard]] std::size_t place(std::size_t map) const { return first_ + started_.size() - 1 - map; }

  UpdateContext context_;
  std::size_t first_;
  std::vector<LinearMap*> started_;
  FusedSums sums_;
};

}  // namespace sibp
