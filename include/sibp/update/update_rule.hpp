#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/core/phase_clock.hpp"
#include "sibp/device/device.hpp"
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

/// One layer i of a step on the way back. Columns are this rank's samples, M_p of the global batch's M; M_p may be 0.
struct LayerBackward {
  Index layer = 0;              ///< i − 1
  const LayerSpec& spec;        ///< n_{i−1} inputs, n_i outputs
  Index global_batch = 0;       ///< M
  double eta = 0;               ///< η of this step
  ConstMatrixView features;     ///< F̂_{i−1} = [F_{i−1}; 1ᵀ], fan_in × M_p
  ConstMatrixView activations;  ///< F_i, outputs × M_p
  ConstMatrixView difference;   ///< D_i, outputs × M_p
  ConstMatrixView masked;       ///< S_i = D_i ∘ σ'(G_i), outputs × M_p
  MatrixView weights;           ///< Ŵ_i = [W_i b_i], outputs × fan_in, in and out
  MatrixView carried;           ///< out: D_{i−1}, inputs × M_p; without elements in the first layer
};

/// The proximal weights of a step's layers.
struct LambdaRange {
  double smallest = 0;
  double largest = 0;
};

/// What a method carries from one step to the next beside the weights, in place: to be saved, and to be set again.
struct UpdateState {
  std::map<std::string, MatrixView> matrices;                    ///< contiguous, equal on all ranks
  std::map<std::string, std::reference_wrapper<Index>> numbers;  ///< equal on all ranks
};

/// How a method turns the difference on the neurons into an update of the weights. For every step the trainer calls
/// features_ready for layers 1 … L, backward for layers L … 1, and finish_step. All are Collective.
///
/// A failed factorisation is not thrown where it happens, since other ranks may not see it: the layer is left as it is,
/// the step goes on with all its collectives, and failure() says what happened until the trainer has agreed on it.
class UpdateRule {
 public:
  UpdateRule() = default;
  UpdateRule(const UpdateRule&) = delete;
  UpdateRule& operator=(const UpdateRule&) = delete;
  virtual ~UpdateRule() = default;

  /// The forward pass has reached F̂_{i−1} of a layer: work that needs nothing else may start. `features` stays as it is
  /// until finish_step.
  virtual void features_ready(Index layer, ConstMatrixView features) = 0;
  /// Updates Ŵ_i, or starts to, and carries the difference: D_{i−1} = W_iᵀ S_i.
  virtual void backward(const LayerBackward& layer) = 0;
  /// Returns when every layer's weights are updated.
  virtual void finish_step() = 0;

  /// What the next step depends on beside the weights; nothing for most methods. Local.
  [[nodiscard]] virtual UpdateState state() { return {}; }

  /// λ over the layers of the last step; zeros for a method without one.
  [[nodiscard]] virtual LambdaRange lambda_range() const = 0;
  /// What went wrong on this rank, for people; nothing if all went well. Training ends with it.
  [[nodiscard]] virtual std::optional<std::string> failure() const = 0;
};

}  // namespace sibp
