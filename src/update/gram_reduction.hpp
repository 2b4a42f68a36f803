#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/device/device.hpp"

#include <memory>

namespace sibp {

/// A = F̂ F̂ᵀ over all ranks: the local part is formed and its reduction started in the forward pass. Only the lower
/// triangle is computed, and travels, packed.
class GramReduction {
 public:
  GramReduction(Device& device, const Communicator& communicator, Index fan_in);

  /// Forms this rank's part and starts the sum over ranks. Collective.
  void start(ConstMatrixView features);
  [[nodiscard]] CollectiveSlot& slot() { return *slot_; }
  /// A's lower triangle, once the slot has been waited for. Local.
  MatrixView result();

 private:
  Device& device_;
  bool distributed_;
  Matrix gram_;    ///< fan_in × fan_in, lower triangle
  Matrix packed_;  ///< what travels; without elements on one rank
  std::unique_ptr<CollectiveSlot> slot_;
};

}  // namespace sibp
