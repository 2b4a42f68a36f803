#pragma once

#include "sibp/update/proximal_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>

namespace sibp {

/// Semi-implicit back propagation (Liu and Zhang, arXiv 2002.03516, section 3), with the sub-problem of each layer
/// solved exactly after one linearisation.
///
/// The explicit half: the neurons of layer i are to move by R_i = −η S_i. The implicit half: the weights follow by
///
///   ΔŴ_i = argmin_Δ ‖Δ F̂_{i−1} − R_i‖² + λ_i ‖Δ‖²  =  B_i (A_i + λ_i I)⁻¹,   A_i = F̂ F̂ᵀ,  B_i = R_i F̂ᵀ
///
/// with the sums over all samples of all ranks. The difference is then carried by the new weights (Carry::new_weights).
std::unique_ptr<UpdateRule> make_semi_implicit(const UpdateContext& context, const NetworkSpec& spec,
                                               const ProximalOptions& options);

}  // namespace sibp
