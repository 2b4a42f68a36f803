#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/optimiser_steps.hpp"

/// The CPU device's operations on single elements that updates are made of; private to the CPU device, whose shapes are
/// checked before. See Device for what they do.
namespace sibp::cpu {

void momentum_step(const MomentumStep& step, ConstMatrixView gradient, MatrixView velocity, MatrixView weights);
void adam_step(const AdamStep& step, ConstMatrixView gradient, MatrixView first, MatrixView second, MatrixView weights);

}  // namespace sibp::cpu
