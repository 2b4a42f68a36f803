#include "sibp/trainer/memory_model.hpp"

#include "sibp/core/error.hpp"
#include "sibp/layer/activation_plan.hpp"
#include "sibp/trainer/trainer.hpp"

#include <algorithm>
#include <cmath>

namespace sibp {
namespace {

/// Samples of the rank that has most.
Index local_batch(const StepShape& step) {
  return (step.batch + step.ranks - 1) / step.ranks;
}

/// Moments that a method keeps of every weight.
double moments(const MethodOptions& options) {
  switch (options.method) {
    case Method::sgd:
      return 1;
    case Method::adam:
      return 2;
    case Method::proxprop:
      return options.outer == Optimiser::sgd ? 1 : 2;
    case Method::sibp:
      return *options.momentum > 0 ? 1 : 0;
    case Method::published:
      return 0;
  }
  throw Error(ExitStatus::runtime, "unknown method");
}

/// Elements that one layer's form allocates.
double update_elements(Form form, const MapShape& layer, const StepShape& step) {
  const auto n = static_cast<double>(layer.fan_in());
  const auto o = static_cast<double>(layer.outputs);
  const auto batch = static_cast<double>(step.batch);
  const auto local = static_cast<double>(local_batch(step));
  const bool distributed = step.ranks > 1;
  const double gram = n * n * (step.gram_every_of(layer) > 1 ? 2 : 1) + (distributed ? n * (n + 1) / 2 : 0);
  const double shorter = std::min(n, o);
  const double own = std::ceil(shorter / step.ranks);
  switch (form) {
    case Form::normal:
      return gram + n * o * (distributed ? 2 : 1);
    case Form::activations:
      return gram + n * local + (distributed ? n * o : 0);
    case Form::dual:
      return batch * batch + shorter * batch + (distributed ? (n + o) * batch : 0);
    case Form::dual_split:
      if (!distributed) return batch * batch + shorter * batch;
      return 2 * batch * batch + (local + own + n + o) * batch + n * o;
  }
  throw Error(ExitStatus::runtime, "unknown form of the proximal update");
}

/// Elements of the running statistics.
double statistics(const NetworkSpec& spec) {
  double elements = 0;
  for (const Node& node : spec.nodes)
    for (const ParameterSpec& parameter : node.layer->parameters())
      if (parameter.role == ParameterRole::statistics) elements += static_cast<double>(parameter.size());
  return elements;
}

/// A checkpoint's matrices are copied, and written from a text into which they go one by one.
double saving_elements(const NetworkSpec& spec, const MethodOptions& method) {
  double largest = 0;
  double grams = 0;
  for (std::size_t i = 0; i < spec.maps.size(); ++i) {
    const auto n = static_cast<double>(spec.maps[i].fan_in());
    largest = std::max(largest, static_cast<double>(spec.maps[i].parameters()));
    const bool keeps = spec.maps[i].columns > 1 ? method.convolution.refresh.every > 1 : method.refresh.every > 1;
    if (keeps && method.method == Method::sibp) grams += n * n;
  }
  const auto parameters = static_cast<double>(spec.parameters());
  return statistics(spec) + (1 + moments(method)) * parameters + grams + largest;
}

/// Columns of a map that are formed at a time.
double columns_at_a_time(const MapShape& map, double local_batch) {
  return map.columns == 1 ? local_batch : static_cast<double>(columns_of_block(map, elements_at_hand));
}

/// Elements of the blocks in which patches are unfolded and folded: of the largest, as all layers share them.
double patch_elements(const NetworkSpec& spec) {
  double unfolded = 0;
  double folded = 0;
  for (const MapShape& map : spec.maps) {
    if (map.columns == 1) continue;
    const double room =
        std::max(static_cast<double>(elements_at_hand), columns_at_a_time(map, 0) * static_cast<double>(map.fan_in()));
    unfolded = std::max(unfolded, room);
    if (&map != &spec.maps.front()) folded = std::max(folded, room);
  }
  return unfolded + folded;
}

/// Elements that the update rules allocate, by node and for all nodes together.
class UpdateElements {
 public:
  UpdateElements(const NetworkSpec& spec, const MethodOptions& method, const StepShape& step)
      : spec_(spec), method_(method), step_(step), local_(static_cast<double>(local_batch(step))) {
    const bool solves = method.method == Method::sibp || method.method == Method::proxprop;
    const std::size_t solved = spec.maps.size() - (method.method == Method::proxprop ? 1 : 0);
    require(!solves || method.cg_steps > 0 || method.forms.size() >= solved, "one form per layer is needed");
  }

  /// Of the map with this number.
  [[nodiscard]] double of_map(std::size_t i) const {
    const auto weights = static_cast<double>(spec_.maps[i].parameters());
    switch (method_.method) {
      case Method::sibp:
        return of_form(i) + of_reshaping(i);
      case Method::published:
        return 0;
      case Method::proxprop:
        return (1 + moments(method_)) * weights + of_proximal_step(i);
      case Method::sgd:
      case Method::adam:
        return (1 + moments(method_)) * weights;
    }
    throw Error(ExitStatus::runtime, "unknown method");
  }

  /// Of a layer's so many scales: their average, or their gradients and moments.
  [[nodiscard]] double of_scales(double scales) const {
    return (moments(method_) + (method_.method == Method::sibp ? 0 : 1)) * scales;
  }

  /// Of the published procedure: the sub-problems' matrices, and those of the data term in double, each as large as the
  /// largest layer needs it.
  [[nodiscard]] double shared() const {
    if (method_.method != Method::published) return 0;
    double samples = 0;
    double weights = 0;
    double features = 0;
    for (const MapShape& layer : spec_.maps) {
      samples = std::max(samples, static_cast<double>(layer.outputs) * local_);
      weights = std::max(weights, static_cast<double>(layer.parameters()));
      features = std::max(features, static_cast<double>(layer.fan_in()) * local_);
    }
    constexpr double of_double = sizeof(double) / sizeof(Real);
    return 2 * samples + 3 * weights + of_double * (2 * samples + weights + features);
  }

 private:
  [[nodiscard]] double of_form(std::size_t i) const { return update_elements(method_.forms[i], spec_.maps[i], step_); }

  /// ΔŴ and V where ΔŴ is not added as it is; where steps are relative, what measures them.
  [[nodiscard]] double of_reshaping(std::size_t i) const {
    const bool is_relative = method_.step->kind == StepRule::Kind::relative;
    if (!is_relative && moments(method_) == 0 && method_.weight_decay == 0) return 0;
    const MapShape& map = spec_.maps[i];
    const double elements = (1 + moments(method_)) * static_cast<double>(map.parameters());
    if (!is_relative || i + 1 == spec_.maps.size()) return elements;
    return elements + 2 * static_cast<double>(map.fan_in() * ((map.outputs + step_.ranks - 1) / step_.ranks)) + 1;
  }

  /// What finds the step of a hidden layer; the last has its gradient alone.
  [[nodiscard]] double of_proximal_step(std::size_t i) const {
    if (i + 1 == spec_.maps.size()) return 0;
    if (method_.cg_steps == 0) return of_form(i);
    const MapShape& map = spec_.maps[i];
    return 3 * static_cast<double>(map.parameters()) +
           static_cast<double>(map.outputs) * columns_at_a_time(map, local_);
  }

  const NetworkSpec& spec_;
  const MethodOptions& method_;
  const StepShape& step_;
  double local_;
};

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

StepShape step_shape(const TrainingOptions& options, int ranks) {
  const MethodOptions& method = options.method;
  StepShape step{.batch = options.batch, .ranks = ranks, .carry = method.carry, .gram_every = method.refresh.every};
  if (method.method != Method::sibp) return step;  // others take every batch's own, of all samples
  step.convolution_gram_every = method.convolution.refresh.every;
  step.convolution_gram_sample = method.convolution.sample;
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
  const UpdateElements update(spec, method, step);
  const auto capacity = static_cast<double>(workspace_capacity(spec, local_batch(step)));
  NetworkMemory memory;
  const auto inputs = static_cast<double>(spec.inputs() + 1);
  memory.inputs = 2 * capacity * (sizeof(std::int32_t) + inputs * sizeof(Real));  // with those read ahead
  memory.patches = patch_elements(spec) * sizeof(Real);
  memory.update = update.shared() * sizeof(Real);
  std::size_t maps = 0;
  for (const double elements : elements_of_nodes(spec)) {
    const LayerSpec& layer = *spec.nodes[memory.nodes.size()].layer;
    NodeMemory node{.workspace = capacity * elements * sizeof(Real)};
    for (const ParameterSpec& parameter : layer.parameters()) {
      const auto size = static_cast<double>(parameter.size());
      node.weights += size * sizeof(Real);
      if (parameter.role == ParameterRole::scales) node.update += update.of_scales(size) * sizeof(Real);
    }
    if (layer.map()) node.update += update.of_map(maps++) * sizeof(Real);
    memory.nodes.push_back(node);
  }
  return memory;
}

RankMemory predict_memory(const NetworkSpec& spec, const MethodOptions& method, const StepShape& step, Index samples) {
  const NetworkMemory network = predict_network_memory(spec, method, step);
  const auto own_samples = static_cast<double>((samples + step.ranks - 1) / step.ranks);
  RankMemory memory{.shard = own_samples * (static_cast<double>(spec.inputs()) + sizeof(std::int32_t)),
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
