#pragma once

#include "sibp/update/update_rule.hpp"

#include <memory>

namespace sibp {

/// Semi-implicit back propagation as the code of its authors does it (Liu and Zhang, arXiv 2002.03516; repository
/// liur0810/semi-implicit-back-propagation), with all sums taken over the samples of all ranks, so that P ranks go the
/// same way as one. For each layer with T_i = F_i − η D_i, first over W_i with b_i fixed, then over b_i with the new
/// W_i:
///
///   minimise ‖σ(W_i F_{i−1} + b_i 1ᵀ) − T_i‖² + λ ‖W_i − W_i,old‖²    (F_{i−1} is 1ᵀ for b_i)
///
/// by 5 steps of Fletcher and Reeves' conjugate gradients (PublishedSubProblem). The difference is carried by the new
/// weights. `lambda` is λ > 0.
std::unique_ptr<UpdateRule> make_published(const UpdateContext& context, const NetworkSpec& spec, double lambda);

}  // namespace sibp
