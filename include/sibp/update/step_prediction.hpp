#pragma once

#include "sibp/update/step_plan.hpp"

#include <functional>
#include <vector>

namespace sibp {

/// What joins the ranks of a machine.
struct Interconnect {
  double latency_seconds = 0;  ///< of one message from one rank to another
  double bandwidth_bytes = 0;  ///< bytes per second that a node sends while it receives as many
  double node_bytes = 0;       ///< that a rank sends to others on its node; 0: they use the link
};

/// The rates with those of an all-reduce over P ranks: halving, then doubling, 2⌈log₂ P⌉ messages one after the other
/// (large matrices go in 2(P−1) messages, which start at once); of its bytes a node sends the share 2(P−1)/P, with
/// neighbouring ranks on one node. Where ranks of a node have a bandwidth of their own, they sum first, and the nodes
/// then. Local.
MachineRates rates_on(const MachineRates& rates, const Interconnect& interconnect, int ranks, int ranks_per_node = 1);

/// The other way round: what joins P ≥ 2 ranks that all-reduce as `measured` says. Local.
Interconnect interconnect_of(const MachineRates& measured, int ranks);

/// One step of a whole network, on the rank that works longest.
struct StepPrediction {
  StepShape shape;
  StepPlan plan;
  LayerCost cost;  ///< summed over the layers; of owners' work that of the rank that has most

  /// With no communication hidden behind work: the longest that it takes.
  [[nodiscard]] double seconds() const { return cost.seconds(); }
};

/// A step of gradient descent with momentum. Local.
LayerCost predict_gradient_step(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates);

/// What makes a step cheaper and its update another.
struct StepSetting {
  Index every = 1;   ///< T, of all maps
  Index sample = 1;  ///< k, of all maps
  Wire wire = Wire::float32;

  /// `shape` with these.
  [[nodiscard]] StepShape of(StepShape shape) const;
};

/// The setting that changes the update least among those whose step takes at most 5 % longer than that of the fastest,
/// by `seconds` of a setting: of T up to 50, of every or every 8th sample, of float32 or bfloat16. Local.
StepSetting best_setting(const std::function<double(const StepSetting&)>& seconds);

/// The step as `plan` has it. `rates` are those on so many ranks. Local.
StepPrediction predict_step(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates, StepPlan plan);
/// The same without owners, with `forms` (one for each layer), or, if that is empty, with the forms of least predicted
/// seconds. Local.
StepPrediction predict_step(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates,
                            std::vector<Form> forms = {});

}  // namespace sibp
