#pragma once

#include "sibp/device/scratch.hpp"
#include "sibp/model/network.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>
#include <vector>

namespace sibp {

/// A second model that follows the first over the steps: of its parameters W, the running statistics of normalisations
/// among them,
///
///   W̄ ← β_t W̄ + (1 − β_t) W,   β_t = min(β, (1 + t) / (10 + t)) after step t = 1, 2, …
///
/// from W̄ = W at the start, which a small β_t forgets. All calls are Local and the same on all ranks.
class AveragedWeights {
 public:
  /// Of `network`, which outlives it and has the weights of the start. 0 < β < 1.
  AveragedWeights(Device& device, Network& network, double beta);

  /// Adds the weights after a step.
  void add();
  /// Gives the network W̄ and keeps W in its place; the second time the other way round.
  void exchange();
  /// "average.K" for each parameter, K from 0, and "average.steps": see UpdateRule::state().
  void add_state(UpdateState& state);

 private:
  Device& device_;
  Network& network_;
  double beta_;
  Index steps_ = 0;            ///< t
  std::vector<Matrix> means_;  ///< W̄ by parameter
  Scratch spare_;
};

/// `rule`, with the weights after each of its steps added to `average`, whose state is then a part of the rule's.
std::unique_ptr<UpdateRule> with_average(std::unique_ptr<UpdateRule> rule, AveragedWeights& average);

}  // namespace sibp
