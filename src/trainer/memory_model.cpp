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
    default:
      return 0;
  }
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
  return (1 + moments(method)) * parameters + grams + largest;
}

/// Elements of the blocks in which patches are unfolded and folded: of the largest, as all layers share them.
double patch_elements(const NetworkSpec& spec) {
  Index unfolded = 0;
  Index folded = 0;
  for (const MapShape& map : spec.maps) {
    if (map.columns == 1) continue;
    const Index columns = columns_of_block(map, elements_at_hand);
    unfolded = std::max(unfolded, columns * map.fan_in());
    if (&map != &spec.maps.front()) folded = std::max(folded, columns * map.inputs);
  }
  return static_cast<double>(unfolded + folded);
}

/// What is the same for all methods.
RankMemory memory_without_update(const NetworkSpec& spec, const StepShape& step, Index samples) {
  const auto capacity = static_cast<double>(workspace_capacity(spec, local_batch(step)));
  const auto own_samples = static_cast<double>((samples + step.ranks - 1) / step.ranks);
  RankMemory memory;
  memory.shard = own_samples * (static_cast<double>(spec.inputs()) + sizeof(std::int32_t));
  memory.weights = static_cast<double>(spec.parameters()) * sizeof(Real);
  const auto inputs = static_cast<double>(spec.inputs() + 1);  // read ahead
  memory.workspace = capacity * 2 * (sizeof(std::int32_t) + inputs * sizeof(Real));
  memory.workspace += capacity * static_cast<double>(plan_activations(spec).elements()) * sizeof(Real);
  memory.workspace += patch_elements(spec) * sizeof(Real);
  return memory;
}

/// Elements that the update rules allocate, method by method.
class UpdateElements {
 public:
  UpdateElements(const NetworkSpec& spec, const MethodOptions& method, const StepShape& step)
      : spec_(spec), method_(method), step_(step), local_(static_cast<double>(local_batch(step))) {}

  [[nodiscard]] double sum() const {
    const auto parameters = static_cast<double>(spec_.parameters());
    switch (method_.method) {
      case Method::sibp:
        return of_forms(spec_.maps.size());
      case Method::published:
        return of_published();
      case Method::proxprop:
        return moments(method_) * parameters + of_proximal_steps();
      case Method::sgd:
      case Method::adam:
        return (1 + moments(method_)) * parameters;
    }
    throw Error(ExitStatus::runtime, "unknown method");
  }

 private:
  /// The forms of the first `layers` layers.
  [[nodiscard]] double of_forms(std::size_t layers) const {
    require(method_.forms.size() >= layers, "one form per layer is needed");
    double elements = 0;
    for (std::size_t i = 0; i < layers; ++i) elements += update_elements(method_.forms[i], spec_.maps[i], step_);
    return elements;
  }

  /// The sub-problems' matrices, and those of the data term in double, each as large as the largest layer needs it.
  [[nodiscard]] double of_published() const {
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

  /// The last layer has its gradient; a hidden one its step, and what finds it.
  [[nodiscard]] double of_proximal_steps() const {
    const std::size_t hidden = spec_.maps.size() - 1;
    auto elements = static_cast<double>(spec_.parameters());
    if (method_.cg_steps == 0) return elements + of_forms(hidden);
    for (std::size_t i = 0; i < hidden; ++i) {
      const MapShape& layer = spec_.maps[i];
      elements += 3 * static_cast<double>(layer.parameters()) + static_cast<double>(layer.outputs) * local_;
    }
    return elements;
  }

  const NetworkSpec& spec_;
  const MethodOptions& method_;
  const StepShape& step_;
  double local_;
};

}  // namespace

StepShape step_shape(const TrainingOptions& options, int ranks) {
  const MethodOptions& method = options.method;
  return {.batch = options.batch,
          .ranks = ranks,
          .carry = method.carry,
          .gram_every = method.refresh.every,
          .convolution_gram_every = method.convolution.refresh.every,
          .convolution_gram_sample = method.convolution.sample};
}

RankMemory predict_memory(const NetworkSpec& spec, const std::vector<Form>& forms, const StepShape& step,
                          Index samples) {
  require(forms.size() == spec.maps.size(), "one form per layer is needed");
  MethodOptions method;
  method.forms = forms;
  return predict_memory(spec, method, step, samples);
}

RankMemory predict_memory(const NetworkSpec& spec, const MethodOptions& method, const StepShape& step, Index samples) {
  RankMemory memory = memory_without_update(spec, step, samples);
  memory.update = UpdateElements(spec, method, step).sum() * sizeof(Real);
  memory.saving = saving_elements(spec, method) * sizeof(Real);
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
