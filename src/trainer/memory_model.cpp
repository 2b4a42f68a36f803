#include "sibp/trainer/memory_model.hpp"

#include "sibp/core/error.hpp"
#include "sibp/layer/activation_plan.hpp"
#include "sibp/trainer/trainer.hpp"

#include "update/method_traits.hpp"

#include <algorithm>
#include <cmath>

namespace sibp {
namespace {

/// Samples of the rank that has most.
Index local_batch(const StepShape& step) {
  return (step.batch + step.ranks - 1) / step.ranks;
}

/// Elements of the running statistics.
double statistics(const NetworkSpec& spec) {
  double elements = 0;
  for (const Node& node : spec.nodes)
    for (const ParameterSpec& parameter : node.layer->parameters())
      if (parameter.role == ParameterRole::statistics) elements += static_cast<double>(parameter.size());
  return elements;
}

double largest_parameter(const NetworkSpec& spec) {
  Index largest = 0;
  for (const Node& node : spec.nodes)
    for (const ParameterSpec& parameter : node.layer->parameters()) largest = std::max(largest, parameter.size());
  return static_cast<double>(largest);
}

/// A checkpoint's matrices are copied, and written from a text into which they go one by one.
double saving_elements(const NetworkSpec& spec, const MethodOptions& method) {
  const MethodTraits& traits = method.method.traits();
  double largest = 0;
  double grams = 0;
  for (std::size_t i = 0; i < spec.maps.size(); ++i) {
    largest = std::max(largest, static_cast<double>(spec.maps[i].parameters()));
    const GramRefresh& refresh = spec.maps[i].columns > 1 ? method.convolution.refresh : method.refresh;
    if (refresh.keeps_mean() && traits.kept_elements != nullptr) grams += traits.kept_elements(spec.maps[i]);
  }
  const auto parameters = static_cast<double>(spec.parameters());
  const double averaged = method.average > 0 ? statistics(spec) + parameters : 0;
  return statistics(spec) + (1 + traits.moments(method)) * parameters + averaged + grams + largest;
}

/// Elements of the blocks in which patches are unfolded and folded: of the largest, as all layers share them.
double patch_elements(const NetworkSpec& spec) {
  double unfolded = 0;
  double folded = 0;
  for (const MapShape& map : spec.maps) {
    if (map.columns == 1) continue;
    const auto room =
        static_cast<double>(std::max(elements_at_hand, columns_of_block(map, elements_at_hand) * map.fan_in()));
    unfolded = std::max(unfolded, room);
    if (&map != &spec.maps.front()) folded = std::max(folded, room);
  }
  return unfolded + folded;
}

/// Elements of a sample in the tensors and differences of each node. What several share is the first one's.
std::vector<double> elements_of_nodes(const NetworkSpec& spec) {
  const ActivationPlan plan = plan_activations(spec);
  std::vector<double> elements(spec.nodes.size(), 0.0);
  const auto add = [&](const std::vector<ActivationPlan::Place>& places, const std::vector<std::size_t>& of_tensor) {
    std::vector<bool> taken(places.size(), false);
    for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
      const std::size_t place = of_tensor[node + 1];
      if (place == ActivationPlan::none || taken[place]) continue;
      taken[place] = true;
      elements[node] += static_cast<double>(places[place].rows + (places[place].has_ones ? 1 : 0));
    }
  };
  add(plan.tensors, plan.tensor);
  add(plan.differences, plan.difference);
  return elements;
}

}  // namespace

StepShape step_shape(const TrainingOptions& options, int ranks, Wire wire) {
  const MethodOptions& method = options.method;
  StepShape step{
      .batch = options.batch, .ranks = ranks, .carry = method.carry, .gram_every = method.refresh.every, .wire = wire};
  if (method.method.traits().kept_elements == nullptr) return step;  // others take every batch's own, of all samples
  step.convolution_gram_every = method.convolution.refresh.every;
  step.convolution_gram_sample = method.convolution.sample;
  step.gram_sample = method.sample;
  step.gram_lags = method.refresh.lags;
  step.staggers = method.staggers;
  return step;
}

RankMemory predict_memory(const NetworkSpec& spec, const std::vector<Form>& forms, const StepShape& step,
                          Index samples) {
  require(forms.size() == spec.maps.size(), "one form per layer is needed");
  MethodOptions method;
  method.forms = forms;
  return predict_memory(spec, method, step, samples);
}

NetworkMemory predict_network_memory(const NetworkSpec& spec, const MethodOptions& given, const StepShape& step) {
  const MethodOptions method = settled(given, spec);
  const MethodTraits& traits = method.method.traits();
  const auto capacity = static_cast<double>(workspace_capacity(spec, local_batch(step)));
  NetworkMemory memory;
  const auto inputs = static_cast<double>(spec.inputs() + 1);
  memory.inputs = 2 * capacity * (sizeof(std::int32_t) + inputs * sizeof(Real));  // with those read ahead
  memory.patches = patch_elements(spec) * sizeof(Real);
  if (traits.shared_elements != nullptr)
    memory.update = traits.shared_elements(spec, static_cast<double>(local_batch(step))) * sizeof(Real);
  if (method.average > 0)
    memory.update += largest_parameter(spec) * sizeof(Real);  // through which models are exchanged
  // Of scales: their average, or their gradients and moments.
  const double of_scale = traits.moments(method) + (traits.solves_scales ? 0 : 1);
  std::size_t maps = 0;
  for (const double elements : elements_of_nodes(spec)) {
    const LayerSpec& layer = *spec.nodes[memory.nodes.size()].layer;
    NodeMemory node{.workspace = capacity * elements * sizeof(Real)};
    for (const ParameterSpec& parameter : layer.parameters()) {
      const auto size = static_cast<double>(parameter.size());
      node.weights += (method.average > 0 ? 2 : 1) * size * sizeof(Real);
      if (parameter.role == ParameterRole::scales) node.update += of_scale * size * sizeof(Real);
    }
    if (layer.map()) node.update += traits.elements({spec, method, maps++, step}) * sizeof(Real);
    memory.nodes.push_back(node);
  }
  return memory;
}

RankMemory predict_memory(const NetworkSpec& spec, const MethodOptions& method, const StepShape& step, Index samples,
                          FeatureType type) {
  const NetworkMemory network = predict_network_memory(spec, method, step);
  const Index most_samples = (samples + step.ranks - 1) / step.ranks;
  const auto own_samples = static_cast<double>(most_samples);
  RankMemory memory{
      .shard = own_samples * static_cast<double>(spec.inputs() * bytes_of(type) + Index(sizeof(std::int32_t))),
      .workspace = network.inputs + network.patches,
      .update = network.update};
  for (const NodeMemory& node : network.nodes) {
    memory.weights += node.weights;
    memory.workspace += node.workspace;
    memory.update += node.update;
  }
  memory.saving = saving_elements(spec, settled(method, spec)) * sizeof(Real);
  return memory;
}

std::optional<Index> largest_batch_within(double bytes, const NetworkSpec& spec, const MethodOptions& method,
                                          StepShape step) {
  const auto fits = [&](Index batch) {
    step.batch = batch;
    return predict_memory(spec, method, step, 0).on_device() <= bytes;
  };
  Index beyond = step.batch + 1;
  Index fitting = 1;
  if (!fits(fitting)) return std::nullopt;
  while (beyond - fitting > 1) {
    const Index middle = fitting + (beyond - fitting) / 2;
    (fits(middle) ? fitting : beyond) = middle;
  }
  return fitting;
}

}  // namespace sibp
