#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"
#include "sibp/device/network_operations.hpp"

#include <cstdint>
#include <span>

/// What the CPU device does with the channels of tensors, and dropout; private to the CPU device, whose shapes are
/// checked before. See NetworkOperations for what they do.
namespace sibp::cpu {

void channel_sums(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums);
void combine_channels(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x, ConstMatrixView z,
                      Activation activation, Real beta, MatrixView y);
void dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y);

}  // namespace sibp::cpu
