#pragma once

#include "sibp/update/cost_model.hpp"

#include <vector>

namespace sibp {

/// What joins the ranks of a machine.
struct Interconnect {
  double latency_seconds = 0;  ///< of one message from one rank to another
  double bandwidth_bytes = 0;  ///< bytes per second that a node sends while it receives as many
};

/// The rates with those of an all-reduce over P ranks: halving, then doubling, 2⌈log₂ P⌉ messages one after the other;
/// of its bytes a node sends the share 2(P−1)/P, with neighbouring ranks on one node. Local.
MachineRates rates_on(const MachineRates& rates, const Interconnect& interconnect, int ranks);

/// The other way round: what joins P ≥ 2 ranks that all-reduce as `measured` says. Local.
Interconnect interconnect_of(const MachineRates& measured, int ranks);

/// One step of a whole network, on the rank that works longest.
struct StepPrediction {
  StepShape shape;
  std::vector<Form> forms;
  LayerCost cost;  ///< summed over the layers

  /// With no communication hidden behind work: the longest that it takes.
  [[nodiscard]] double seconds() const { return cost.seconds(); }
};

/// The step with `forms` (one for each layer), or, if that is empty, with the forms of least predicted seconds. `rates`
/// are those on so many ranks. Local.
StepPrediction predict_step(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates,
                            std::vector<Form> forms = {});

}  // namespace sibp
