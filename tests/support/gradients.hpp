#pragma once

// A method that updates nothing and remembers the gradients of the summed loss.

#include "sibp/update/update_rule.hpp"

#include "support/naive.hpp"

#include <vector>

namespace sibp::testing_support {

class Gradients final : public UpdateRule {
 public:
  Gradients(const UpdateContext& context, const NetworkSpec& spec)
      : context_(context), of_maps(spec.maps.size()), of_scales(spec.scales().size()) {}

  void features_ready(LinearMap&) override {}
  void backward(LinearMap& map, const StepSize&) override {
    const MapShape& shape = map.shape();
    Matrix sum = context_.device.allocate(shape.outputs, shape.fan_in());
    multiply(context_.device, 1, map.delta_and_inputs(), sum.view());
    of_maps[map.index()] = naive::download(context_.device, sum.view());
    map.carry();
  }
  void backward(ScaleMap& scales, const StepSize&) override {
    const ScaleMap::Sums sums = scales.sums();
    naive::Dense& gradient = of_scales[scales.index()];
    gradient = naive::Dense(static_cast<Index>(sums.delta.size()), scales.weights().cols);
    if (gradient.cols == 2) std::ranges::copy(sums.delta_input, gradient.values.begin());
    std::ranges::copy(sums.delta, gradient.values.end() - gradient.rows);
    scales.carry();
  }
  /// Those of maps are of this rank's samples until now, those of scales of all ranks' from the start.
  void finish_step() override {
    for (naive::Dense& gradient : of_maps) context_.communicator.all_reduce_sum(std::span<double>(gradient.values));
  }
  [[nodiscard]] LambdaRange lambda_range() const override { return {}; }
  [[nodiscard]] std::optional<std::string> failure() const override { return std::nullopt; }

 private:
  UpdateContext context_;

 public:
  std::vector<naive::Dense> of_maps;    ///< outputs × fan_in, over all ranks
  std::vector<naive::Dense> of_scales;  ///< channels × 2: of γ and of β; or of β alone
};

}  // namespace sibp::testing_support
