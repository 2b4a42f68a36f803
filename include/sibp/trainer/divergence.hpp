#pragma once

#include "sibp/core/types.hpp"

namespace sibp {

/// Watches for a loss that is finite but beyond hope: more than 1000 times that of the first step, or than 1 if that
/// was less, in each of the last 100 steps.
class Divergence {
 public:
  static constexpr double multiple = 1000;
  static constexpr Index patience = 100;  ///< steps

  /// Takes the mean loss of a step's batch. Returns whether the training has diverged. Local.
  bool add(double loss);
  /// Whether a loss is beyond the limit. Local.
  [[nodiscard]] bool is_beyond(double loss) const { return steps > 0 && loss > limit(); }
  [[nodiscard]] double limit() const { return multiple * (first_loss > 1 ? first_loss : 1); }

  Index steps = 0;         ///< that were watched
  double first_loss = 0;   ///< of the first of them
  Index steps_beyond = 0;  ///< with a loss beyond the limit, without one between

  friend bool operator==(const Divergence&, const Divergence&) = default;
};

}  // namespace sibp
