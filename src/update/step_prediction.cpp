#include "sibp/update/step_prediction.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>
#include <utility>

namespace sibp {
namespace {

double messages(int ranks) {
  return 2 * std::ceil(std::log2(ranks));
}

/// Of the bytes of an all-reduce, the share that a node sends.
double sent_share(int ranks) {
  return 2.0 * (ranks - 1) / ranks;
}

/// What the owners of systems do besides: at the same time, but for those whose systems are due in other steps.
class OwnersWork {
 public:
  explicit OwnersWork(const StepShape& shape) : flops_(static_cast<std::size_t>(shape.ranks), 0.0) {}

  void add(int owner, Index offset, const LayerCost& cost) {
    const auto rank = static_cast<std::size_t>(owner);
    flops_.at(rank) += cost.flops_owned;
    seconds_[offset].resize(flops_.size());
    seconds_[offset][rank] += cost.seconds_owned;
  }
  [[nodiscard]] double most_flops() const { return std::ranges::max(flops_); }
  [[nodiscard]] double seconds() const {
    double sum = 0;
    for (const auto& [offset, of_ranks] : seconds_) sum += std::ranges::max(of_ranks);
    return sum;
  }

 private:
  std::vector<double> flops_;                     ///< by rank
  std::map<Index, std::vector<double>> seconds_;  ///< by the offset of the systems, by rank
};

}  // namespace

MachineRates rates_on(const MachineRates& rates, const Interconnect& interconnect, int ranks, int ranks_per_node) {
  MachineRates result = rates;
  if (ranks == 1) return result;  // the cost model sends nothing
  result.latency_seconds = messages(ranks) * interconnect.latency_seconds;
  result.reduce_bytes = interconnect.bandwidth_bytes / sent_share(ranks);
  if (interconnect.node_bytes > 0 && ranks_per_node > 1) {
    const int nodes = (ranks + ranks_per_node - 1) / ranks_per_node;
    result.reduce_bytes = 1 / (sent_share(nodes) / interconnect.bandwidth_bytes +
                               sent_share(std::min(ranks, ranks_per_node)) / interconnect.node_bytes);
  }
  const int links = ranks_per_node < ranks ? (ranks + ranks_per_node - 1) / ranks_per_node : ranks;
  result.rooted_share = 2 / sent_share(links);    // all of a matrix goes over a link, not the others' parts alone
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
  if (forms.empty()) forms = choose_forms(spec, shape, rates, candidates_on(shape, true));
  return predict_step(spec, shape, rates, StepPlan{std::move(forms), {}});
}

LayerCost predict_gradient_step(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates) {
  LayerCost cost;
  for (std::size_t i = 0; i < spec.maps.size(); ++i) cost += gradient_cost({spec.maps[i], i == 0, shape}, rates);
  for (const Node& node : spec.nodes)
    if (!node.layer->map()) cost += element_cost(*node.layer, shape, rates);
  return cost;
}

StepShape StepSetting::of(StepShape shape) const {
  shape.gram_every = shape.convolution_gram_every = every;
  shape.gram_sample = shape.convolution_gram_sample = sample;
  shape.wire = wire;
  return shape;
}

StepSetting best_setting(const std::function<double(const StepSetting&)>& seconds) {
  std::vector<std::pair<double, StepSetting>> settings;  // the update changes more and more
  for (const Wire wire : {Wire::float32, Wire::bfloat16})
    for (const Index sample : {1, 8})
      for (const Index every : {1, 2, 5, 10, 20, 50}) {
        const StepSetting setting{every, sample, wire};
        settings.emplace_back(seconds(setting), setting);
      }
  const double fastest = std::ranges::min(settings | std::views::keys);
  constexpr double tolerated = 1.05;
  return std::ranges::find_if(settings, [&](const auto& each) { return each.first <= tolerated * fastest; })->second;
}

StepPrediction predict_step(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates, StepPlan plan) {
  require(plan.forms.size() == spec.maps.size(), "one form per layer is needed");
  StepPrediction step{shape, std::move(plan), {}};
  OwnersWork owned(shape);
  std::size_t maps = 0;
  for (const Node& node : spec.nodes) {
    if (!node.layer->map()) {
      step.cost += element_cost(*node.layer, shape, rates);
      continue;
    }
    const std::size_t i = maps++;
    const SystemPlace place = step.plan.place_of(i);
    const LayerCost cost = semi_implicit_cost(step.plan.forms[i], {spec.maps[i], i == 0, shape, place}, rates);
    step.cost += cost;
    if (place.owner) owned.add(*place.owner, shape.gram_offset_of(i, spec), cost);
  }
  step.cost.flops_update += owned.most_flops();
  step.cost.seconds_update += owned.seconds();
  return step;
}

}  // namespace sibp
