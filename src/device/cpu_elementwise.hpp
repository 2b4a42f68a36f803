#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"

#include <cstdint>
#include <span>

/// The CPU device's operations on single elements that updates are made of; private to the CPU device, whose shapes are
/// checked before. See Device for what they do.
namespace sibp::cpu {

void activate(Activation activation, MatrixView f);
void apply_derivative(Activation activation, ConstMatrixView known, ConstMatrixView d, MatrixView s);
double inner_product(ConstMatrixView a, ConstMatrixView b);
void row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products);
void combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta, MatrixView y);
void dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y);

}  // namespace sibp::cpu
