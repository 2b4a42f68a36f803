#include "update/scale_gradients.hpp"

#include <span>

namespace sibp {

ScaleGradients::ScaleGradients(Device& device, const NetworkSpec& spec) : device_(device) {
  for (const ScaleShape& scales : spec.scales())
    all_.push_back({device.allocate(scales.channels, scales.columns), nullptr, 0});
}

void ScaleGradients::take(ScaleMap& scales, const StepSize& step) {
  Taken& taken = all_.at(scales.index());
  taken.scales = &scales;
  taken.rate = step.eta;
  const ScaleMap::Sums sums = scales.sums();
  const auto samples = static_cast<double>(step.global_batch);
  host_.clear();
  const auto add = [&](std::span<const double> column) {
    for (const double sum : column) host_.push_back(static_cast<Real>(sum / samples));
  };
  if (scales.weights().cols == 2) add(sums.delta_input);
  add(sums.delta);
  device_.upload(host_, taken.gradient.view());
}

void ScaleGradients::apply(OptimiserState& optimiser) {
  for (std::size_t i = 0; i < all_.size(); ++i)
    optimiser.apply_scales(i, all_[i].rate, all_[i].gradient.view(), all_[i].scales->weights());
}

}  // namespace sibp
