#pragma once

#include "sibp/device/activation.hpp"
#include "sibp/model/layer_export.hpp"

namespace sibp {

/// Adds σ to a graph of ONNX; returns the name of its output, which for the identity is the input's. `name` is what its
/// constants' names begin with.
std::string activation_to_onnx(Activation activation, OnnxGraph& graph, const std::string& input,
                               const std::string& name);

/// The modules followed by that of σ, if it is not the identity.
std::vector<TorchModule> followed_by(std::vector<TorchModule> modules, Activation activation);

}  // namespace sibp
