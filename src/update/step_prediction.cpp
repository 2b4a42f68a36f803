#include "sibp/update/step_prediction.hpp"

#include "sibp/core/error.hpp"

#include <cmath>

namespace sibp {
namespace {

double messages(int ranks) {
  return 2 * std::ceil(std::log2(ranks));
}

/// Of the bytes of an all-reduce, the share that a node sends.
double sent_share(int ranks) {
  return 2.0 * (ranks - 1) / ranks;
}

}  // namespace

MachineRates rates_on(const MachineRates& rates, const Interconnect& interconnect, int ranks) {
  MachineRates result = rates;
  if (ranks == 1) return result;  // the cost model sends nothing
  result.latency_seconds = messages(ranks) * interconnect.latency_seconds;
  result.reduce_bytes = interconnect.bandwidth_bytes / sent_share(ranks);
  result.gather_bytes = 2 * result.reduce_bytes;  // half of an all-reduce, as a reduce-scatter is
  result.scatter_bytes = result.gather_bytes;
  result.shares_memory = false;
  return result;
}

Interconnect interconnect_of(const MachineRates& measured, int ranks) {
  require(ranks > 1, "one rank alone shows nothing of what joins ranks");
  return {measured.latency_seconds / messages(ranks), measured.reduce_bytes * sent_share(ranks)};
}

StepPrediction predict_step(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates,
                            std::vector<Form> forms) {
  if (forms.empty())
    forms = choose_forms(spec, shape, rates, forms_on(shape.ranks, true, shape.gram_every > 1 || shape.gram_lags));
  require(forms.size() == spec.maps.size(), "one form per layer is needed");
  StepPrediction step{shape, std::move(forms), {}};
  std::size_t maps = 0;
  for (const Node& node : spec.nodes) {
    if (!node.layer->map()) {
      step.cost += element_cost(*node.layer, shape, rates);
      continue;
    }
    const std::size_t i = maps++;
    step.cost += semi_implicit_cost(step.forms[i], {spec.maps[i], i == 0, shape}, rates);
  }
  return step;
}

}  // namespace sibp
