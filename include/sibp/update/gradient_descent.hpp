#pragma once

#include "sibp/update/method_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>

namespace sibp {

/// Plain back propagation: the gradient of the mean loss, S_i F̂_{i−1}ᵀ / M (outputs × fan_in), summed over ranks, is
/// given to gradient descent with momentum (MomentumStep) or to Adam (AdamStep), with LayerBackward::eta as the
/// learning rate. The difference is carried by the old weights, so the reductions overlap the rest of the backward pass
/// and end in finish_step.
std::unique_ptr<UpdateRule> make_gradient_descent(const UpdateContext& context, const NetworkSpec& spec,
                                                  Optimiser optimiser, const MethodOptions& options);

}  // namespace sibp
