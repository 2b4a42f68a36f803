#pragma once

#include "sibp/device/device.hpp"
#include "sibp/model/network_spec.hpp"
#include "sibp/update/method_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <vector>

namespace sibp {

/// Gradient descent with momentum or Adam over the weights of a network, with its moments. All calls are Local and the
/// same on all ranks.
class OptimiserState {
 public:
  OptimiserState(Device& device, const NetworkSpec& spec, Optimiser kind, const MethodOptions& options);

  /// Counts a step; before the first apply() of every step.
  void start_step() { ++steps_; }
  /// Ŵ of a layer (from 0) follows `gradient`, or what stands for it, of equal shape, at this learning rate.
  void apply(std::size_t layer, double rate, ConstMatrixView gradient, MatrixView weights);
  /// "velocity.I", or "first.I", "second.I" and "steps" with Adam, I from 0: see UpdateRule::state().
  [[nodiscard]] UpdateState state();

 private:
  Device& device_;
  Optimiser kind_;
  MethodOptions options_;
  Index steps_ = 0;             ///< t
  std::vector<Matrix> first_;   ///< the velocity, or Adam's first moment m
  std::vector<Matrix> second_;  ///< Adam's second moment v; empty otherwise
};

}  // namespace sibp
