#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/core/phase_clock.hpp"
#include "sibp/device/device.hpp"
#include "sibp/layer/linear_map.hpp"
#include "sibp/layer/scale_map.hpp"
#include "sibp/model/network_spec.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace sibp {

/// What every update rule works with; all outlive the rule.
struct UpdateContext {
  Device& device;
  Communicator communicator;
  PhaseClock& clock;
};

/// What a step is like, beside the batch.
struct StepSize {
  Index global_batch = 0;  ///< M, samples over all ranks
  double eta = 0;          ///< η of this step
  double share = 1;        ///< of the step size that the schedule leaves: η over that of the run
};

/// The proximal weights of a step's layers.
struct LambdaRange {
  double smallest = 0;
  double largest = 0;

  friend bool operator==(const LambdaRange&, const LambdaRange&) = default;
};

/// What a method carries from one step to the next beside the weights, in place: to be saved, and to be set again.
struct UpdateState {
  std::map<std::string, MatrixView> matrices;  ///< contiguous, equal on all ranks once gather_state() was called
  std::map<std::string, std::reference_wrapper<Index>> numbers;  ///< equal on all ranks
};

/// How a method turns the difference on the neurons into an update of the weights. For every step the trainer calls
/// features_ready for the maps of the network in their order, backward for maps and scales against it, and finish_step.
/// All are Collective.
///
/// A failed factorisation is not thrown where it happens, since other ranks may not see it: the layer is left as it is,
/// the step goes on with all its collectives, and failure() says what happened until the trainer has agreed on it.
class UpdateRule {
 public:
  UpdateRule() = default;
  UpdateRule(const UpdateRule&) = delete;
  UpdateRule& operator=(const UpdateRule&) = delete;
  virtual ~UpdateRule() = default;

  /// The forward pass has reached P̂ of a map: work that needs nothing else may start. P̂ stays as it is until
  /// finish_step.
  virtual void features_ready(LinearMap& map) = 0;
  /// Updates Ŵ, or starts to, and carries the difference (LinearMap::carry).
  virtual void backward(LinearMap& map, const StepSize& step) = 0;
  /// Updates γ and β of a normalisation, or takes note of their sums, and carries the difference (ScaleMap::carry).
  virtual void backward(ScaleMap& scales, const StepSize& step) = 0;
  /// Returns when every layer's weights are updated.
  virtual void finish_step() = 0;

  /// What the next step depends on beside the weights; nothing for most methods. Local.
  [[nodiscard]] virtual UpdateState state() { return {}; }
  /// Makes state() equal on all ranks, where one of them is ahead of the others: before it is saved. Collective.
  virtual void gather_state() {}

  /// λ over the layers of the last step; zeros for a method without one.
  [[nodiscard]] virtual LambdaRange lambda_range() const = 0;
  /// What went wrong on this rank, for people; nothing if all went well. Training ends with it.
  [[nodiscard]] virtual std::optional<std::string> failure() const = 0;
};

}  // namespace sibp
