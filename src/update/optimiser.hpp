#pragma once

#include "sibp/device/device.hpp"
#include "sibp/model/network_spec.hpp"
#include "sibp/update/method_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace sibp {

/// Gradient descent with momentum or Adam over the weights of a network, with its moments. All calls are Local and the
/// same on all ranks.
class OptimiserState {
 public:
  /// For the maps from `first_map` (counted from 0) to the last, and for all scales.
  OptimiserState(Device& device, const NetworkSpec& spec, Optimiser kind, const MethodOptions& options,
                 std::size_t first_map = 0);
  OptimiserState(const OptimiserState&) = delete;
  OptimiserState& operator=(const OptimiserState&) = delete;
  virtual ~OptimiserState() = default;

  /// How many numbers are kept of every weight.
  static double moments(Optimiser kind) { return kind == Optimiser::sgd ? 1 : 2; }

  /// Counts a step; before the first apply() of every step.
  void start_step() { ++steps_; }
  /// Ŵ of a map (from 0) follows `gradient`, or what stands for it, of equal shape, at this learning rate.
  virtual void apply(std::size_t map, double rate, ConstMatrixView gradient, MatrixView weights) {
    apply(of_maps_.at(map - first_map_), rate, *options_.weight_decay, gradient, weights);
  }
  /// [γ β] of a normalisation in the same way, without weight decay.
  virtual void apply_scales(std::size_t scales, double rate, ConstMatrixView gradient, MatrixView weights) {
    apply(of_scales_.at(scales), rate, 0, gradient, weights);
  }
  /// "velocity.I", or "first.I", "second.I" and "steps" with Adam, I from 0, and the same with ".scales": see
  /// UpdateRule::state().
  [[nodiscard]] virtual UpdateState state();

 private:
  struct Moments {
    Matrix first;   ///< the velocity, or Adam's first moment m
    Matrix second;  ///< Adam's second moment v; without elements otherwise
  };

  [[nodiscard]] Moments make_moments(Index rows, Index cols);
  void apply(Moments& moments, double rate, double decay, ConstMatrixView gradient, MatrixView weights);
  void add_state(UpdateState& state, std::vector<Moments>& all, std::size_t first, std::string_view suffix) const;

  Device& device_;
  Optimiser kind_;
  MethodOptions options_;
  std::size_t first_map_;
  Index steps_ = 0;  ///< t
  std::vector<Moments> of_maps_;
  std::vector<Moments> of_scales_;
};

/// Plain back propagation: see sibp/update/gradient_descent.hpp. The gradients of a step go to `optimiser`.
std::unique_ptr<UpdateRule> make_gradient_descent(const UpdateContext& context, const NetworkSpec& spec,
                                                  std::unique_ptr<OptimiserState> optimiser);

}  // namespace sibp
