#pragma once

#include "sibp/layer/language.hpp"
#include "sibp/layer/layer_arguments.hpp"

#include "layer/norm_layer.hpp"

#include <memory>

namespace sibp {

// One function for each kind, in its own source.
LayerKind dense_kind();
LayerKind convolution_kind();
LayerKind max_pool_kind();
LayerKind mean_pool_kind();
LayerKind norm_kind();
LayerKind dropout_kind();
LayerKind activation_kind(Activation activation);

/// norm(group=G), which norm_kind() makes too.
std::shared_ptr<const LayerSpec> make_group_norm(const TensorShape& shape, Index groups, NormScale scale,
                                                 Activation activation);
/// The convolution of kernel 1 that a residual's input goes through where shapes differ.
std::shared_ptr<const LayerSpec> make_projection(const TensorShape& input, Index channels, Index stride);
/// The sum of two tensors of one shape.
std::shared_ptr<const LayerSpec> make_addition(const TensorShape& shape);

}  // namespace sibp
