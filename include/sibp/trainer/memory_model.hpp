#pragma once

#include "sibp/device/samples.hpp"
#include "sibp/model/network_spec.hpp"
#include "sibp/trainer/training_options.hpp"
#include "sibp/update/cost_model.hpp"
#include "sibp/update/method_options.hpp"

#include <optional>
#include <vector>

namespace sibp {

/// Bytes that one rank keeps for a training.
struct RankMemory {
  double shard = 0;      ///< its samples and their labels
  double weights = 0;    ///< Ŵ of all layers
  double workspace = 0;  ///< features, differences and deltas of a batch, and the inputs of the next
  double update = 0;     ///< the systems of the forms
  double saving = 0;     ///< on rank 0, in host memory: what goes into a checkpoint while training goes on

  [[nodiscard]] double on_device() const { return shard + weights + workspace + update; }
  [[nodiscard]] double total() const { return on_device() + saving; }
};

/// Bytes that one rank keeps for one node of a network.
struct NodeMemory {
  double weights = 0;    ///< its parameters, statistics among them
  double workspace = 0;  ///< its tensor and their difference for a batch; where nodes share memory, the first one's
  double update = 0;     ///< what the update rule keeps for it

  [[nodiscard]] double total() const { return weights + workspace + update; }
};

/// Bytes that one rank keeps for a network and its update.
struct NetworkMemory {
  std::vector<NodeMemory> nodes;
  double inputs = 0;   ///< of a batch and of the next
  double patches = 0;  ///< blocks in which patches are unfolded, which all convolutions share
  double update = 0;   ///< what the update rule keeps for all nodes together
};

/// What the cost of a step depends on, of these options. Local.
StepShape step_shape(const TrainingOptions& options, int ranks, Wire wire = Wire::float32);

/// Memory of the rank that has most, adding up what Workspace and the forms of the update allocate: `samples` samples
/// in all, dealt evenly to the ranks as a step's batch is; one form per layer. With n = fan-in, o = outputs, M samples
/// in a batch and M_p of them on the rank, in elements and with what only several ranks need in brackets:
///
///   normal          n² + no [+ n(n+1)/2 + no]
///   activations     n² + nM_p [+ n(n+1)/2 + no]
///   dual            M² + mM [+ (n + o)M]                              m = min(n, o)
///   dual-split      M² + mM, or [2M² + (M_p + m/P + n + o)M + no]
///   low-rank        (n + k)(M_p + k) [+ no]                           k: samples of which A is
///
/// and n² more in the first two where A is a running mean; no for ΔŴ where steps are relative or there are momentum or
/// weight decay, another no for momentum, and no/P + 1 for measuring relative steps.
///
/// Local.
RankMemory predict_memory(const NetworkSpec& spec, const std::vector<Form>& forms, const StepShape& step,
                          Index samples);

/// The same for training by any method, adding up what its update rule allocates: beside forms, gradients and the
/// moments of optimisers (no each) and what conjugate gradients need. `method` has a form per layer if it has forms.
/// Local.
RankMemory predict_memory(const NetworkSpec& spec, const MethodOptions& method, const StepShape& step, Index samples,
                          FeatureType type = FeatureType::byte);

/// The same node by node, without shard and checkpoints. Local.
NetworkMemory predict_network_memory(const NetworkSpec& spec, const MethodOptions& method, const StepShape& step);

/// The largest batch, of at most that of `step`, with which a rank without samples keeps no more than `bytes` on its
/// device; nothing if there is none. Local.
std::optional<Index> largest_batch_within(double bytes, const NetworkSpec& spec, const MethodOptions& method,
                                          StepShape step);

}  // namespace sibp
