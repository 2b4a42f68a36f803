#include "update/optimiser.hpp"

#include <cmath>

#include <fmt/format.h>

namespace sibp {

OptimiserState::OptimiserState(Device& device, const NetworkSpec& spec, Optimiser kind, const MethodOptions& options)
    : device_(device), kind_(kind), options_(options) {
  for (const LayerSpec& layer : spec.layers) {
    first_.push_back(device.allocate(layer.outputs, layer.fan_in()));
    if (kind == Optimiser::adam) second_.push_back(device.allocate(layer.outputs, layer.fan_in()));
  }
}

void OptimiserState::apply(std::size_t layer, double rate, ConstMatrixView gradient, MatrixView weights) {
  if (kind_ == Optimiser::sgd) {
    device_.momentum_step({.rate = rate,
                           .momentum = options_.momentum,
                           .weight_decay = options_.weight_decay,
                           .nesterov = options_.nesterov},
                          gradient, first_[layer].view(), weights);
    return;
  }
  const auto t = static_cast<double>(steps_);
  device_.adam_step({.rate = rate,
                     .beta1 = options_.beta1,
                     .beta2 = options_.beta2,
                     .epsilon = options_.epsilon,
                     .weight_decay = options_.weight_decay,
                     .first_correction = 1 - std::pow(options_.beta1, t),
                     .second_correction = 1 - std::pow(options_.beta2, t)},
                    gradient, first_[layer].view(), second_[layer].view(), weights);
}

UpdateState OptimiserState::state() {
  UpdateState state;
  const auto add = [&](std::vector<Matrix>& matrices, const char* name) {
    for (std::size_t i = 0; i < matrices.size(); ++i)
      state.matrices.emplace(fmt::format("{}.{}", name, i), matrices[i].view());
  };
  add(first_, kind_ == Optimiser::sgd ? "velocity" : "first");
  add(second_, "second");
  if (kind_ == Optimiser::adam) state.numbers.emplace("steps", steps_);
  return state;
}

}  // namespace sibp
