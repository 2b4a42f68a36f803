#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/tensor_shape.hpp"

/// The CPU device's patches and pooling; private to the CPU device, whose shapes are checked before. See
/// NetworkOperations for what they do. A sample's result depends on that sample alone, bit by bit.
namespace sibp::cpu {

void unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches);
void fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images);
void max_pool(const Window& window, ConstMatrixView x, MatrixView y);
void max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y, ConstMatrixView dy, Real beta,
                       MatrixView dx);
void mean_pool(const Window& window, ConstMatrixView x, MatrixView y);
void mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx);

}  // namespace sibp::cpu
