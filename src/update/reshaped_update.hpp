#pragma once

#include "sibp/update/proximal_options.hpp"

#include "update/proximal_form.hpp"

#include <vector>

namespace sibp {

/// The factor that a step rule gives to the update of a layer, solved at η = 1, which moves its neurons by ‖ΔŴ P̂‖² =
/// `move` where they are ‖Ŵ P̂‖² = `size`. Local.
double step_factor(const StepRule& rule, const StepSize& step, bool is_last, double move, double size);

/// The update of Ŵ where the solution of the proximal problem is not added as it is: scaled by a step rule, averaged
/// over steps by momentum, with weight decay beside it:
///
///   V ← μ V + (1 − μ) α ΔŴ,   Ŵ ← (1 − δ s) Ŵ + V   (Nesterov's form: + μ V + (1 − μ) α ΔŴ)
///
/// with α from step_factor and s the schedule's share.
class ReshapedUpdate {
 public:
  ReshapedUpdate(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options);

  /// Solves, updates the weights and carries the difference. Collective.
  ProximalStep backward(ProximalForm& form, LinearMap& map, const StepSize& step);
  /// The averages, "momentum.I". Local.
  void add_state(UpdateState& state);

 private:
  /// The two assignments above, Ŵ ← (1 − δ s) Ŵ + α ΔŴ without momentum.
  void update(LinearMap& map, const StepSize& step, double factor);

  UpdateContext context_;
  StepRule rule_;
  StepMomentum momentum_;
  double decay_;
  bool carries_new_;
  std::vector<Matrix> steps_;     ///< ΔŴ by map, outputs × fan_in
  std::vector<Matrix> averages_;  ///< V by map; none without momentum
};

}  // namespace sibp
