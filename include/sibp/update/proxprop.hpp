#pragma once

#include "sibp/update/method_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>

namespace sibp {

/// Proximal back propagation (Frerix et al., ICLR 2018, arXiv 1706.04638, algorithm 1). Explicit half: the gradient of
/// the mean loss moves the pre-activations of a hidden layer by R_i = −S_i / M. Implicit half: the weights follow by
///
///   ΔŴ_i = argmin_Δ ½ ‖Δ F̂_{i−1} − R_i‖² + 1/(2τ) ‖Δ‖²,  so  −ΔŴ_i (A_i + I/τ) = S_i F̂_{i−1}ᵀ / M,  A_i = F̂ F̂ᵀ
///
/// solved exactly, or by options.cg_steps conjugate-gradient steps from 0, one recursion for each neuron as in the
/// authors' code; neither A_i nor its reduction is needed for these. −ΔŴ_i then stands for the gradient in the outer
/// optimiser; the last layer has its plain gradient there. Differences are carried by the old weights.
std::unique_ptr<UpdateRule> make_proxprop(const UpdateContext& context, const NetworkSpec& spec,
                                          const MethodOptions& options, const BatchCapacity& batch);

}  // namespace sibp
