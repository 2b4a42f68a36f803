#include "sibp/trainer/memory_model.hpp"

#include "sibp/core/error.hpp"
#include "sibp/trainer/trainer.hpp"

namespace sibp {
namespace {

/// Samples of the rank that has most.
Index local_batch(const StepShape& step) {
  return (step.batch + step.ranks - 1) / step.ranks;
}

/// Elements that one layer's form allocates.
double update_elements(Form form, const LayerSpec& layer, const StepShape& step) {
  const auto n = static_cast<double>(layer.fan_in());
  const auto o = static_cast<double>(layer.outputs);
  const auto batch = static_cast<double>(step.batch);
  const auto local = static_cast<double>(local_batch(step));
  const bool distributed = step.ranks > 1;
  const double gram = n * n * (step.gram_every > 1 ? 2 : 1) + (distributed ? n * (n + 1) / 2 : 0);
  const auto rows = static_cast<double>((layer.outputs + step.ranks - 1) / step.ranks);
  switch (form) {
    case Form::normal:
      return gram + n * o * (distributed ? 2 : 1);
    case Form::activations:
      return gram + n * local + (distributed ? n * o : 0);
    case Form::dual:
      return batch * batch + o * batch + (distributed ? (n + o) * batch : 0);
    case Form::dual_rows:
      if (!distributed) return batch * batch + o * batch;
      return 2 * batch * batch + (local + rows + n + o) * batch + n * o;
  }
  throw Error(ExitStatus::runtime, "unknown form of the proximal update");
}

}  // namespace

RankMemory predict_memory(const NetworkSpec& spec, const std::vector<Form>& forms, const StepShape& step,
                          Index samples) {
  require(forms.size() == spec.layers.size(), "one form per layer is needed");
  const auto capacity = static_cast<double>(workspace_capacity(local_batch(step)));
  const auto own_samples = static_cast<double>((samples + step.ranks - 1) / step.ranks);
  RankMemory memory;
  memory.shard = own_samples * (static_cast<double>(spec.inputs()) + sizeof(std::int32_t));
  memory.weights = static_cast<double>(spec.parameters()) * sizeof(Real);
  const auto inputs = static_cast<double>(spec.inputs() + 1);  // read ahead
  memory.workspace =
      capacity * (2 * sizeof(std::int32_t) + (static_cast<double>(spec.outputs()) + inputs) * sizeof(Real));
  for (std::size_t i = 0; i < forms.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    memory.workspace += capacity * static_cast<double>(layer.fan_in() + 2 * layer.outputs) * sizeof(Real);
    memory.update += sizeof(Real) * update_elements(forms[i], layer, step);
  }
  return memory;
}

}  // namespace sibp
