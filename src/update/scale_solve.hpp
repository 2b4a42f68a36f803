#pragma once

#include "sibp/update/proximal_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <vector>

namespace sibp {

/// The proximal problem of a normalisation's γ and β, solved channel by channel:
///
///   [Δγ Δβ] = −η [Σ S∘x̂, Σ S] (A + λI)⁻¹,   A = [Σ x̂²  Σ x̂; Σ x̂  N],   λ = ρ trace(A) / 2
///
/// over the pixels of the global batch. With batch statistics A = N I, and Δγ = −η Σ S∘x̂ / (N (1 + ρ)). Where γ is
/// fixed, Δβ = −η Σ S / (N + λ) with λ = ρ N. Step rules and momentum are those of the maps. All ranks have the same
/// sums, so all functions are Local.
class ScaleSolve {
 public:
  ScaleSolve(Device& device, const NetworkSpec& spec, const ProximalOptions& options);

  void update(ScaleMap& scales, const StepSize& step);
  /// The averages, "momentum.I.scales". Local.
  void add_state(UpdateState& state);

 private:
  /// Element k of the step, once it was averaged where momentum is that of gradients. (The systems of a normalisation
  /// hardly change from batch to batch, so what they are solved with is averaged as well as the solutions are.)
  double averaged(std::size_t k, double solved);
  /// [Δγ Δβ], or Δβ, at η = 1 into step_; returns the squares of how far it moves the outputs, and of their size.
  std::pair<double, double> solve(const ScaleMap::Sums& sums);

  Device& device_;
  Damping damping_;
  StepRule rule_;
  StepMomentum momentum_;
  std::vector<Matrix> averages_;  ///< V, of the shape of the weights
  std::vector<Real> host_;        ///< [γ β], or β
  std::vector<Real> average_;     ///< V
  std::vector<double> step_;      ///< [Δγ Δβ], or Δβ
};

}  // namespace sibp
