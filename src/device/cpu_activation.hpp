#pragma once

#include "sibp/device/activation.hpp"

#include "device/element_work.hpp"

#include <Eigen/Dense>
#include <unsupported/Eigen/SpecialFunctions>

/// Activations of Eigen arrays of either precision; private to the CPU device.
namespace sibp::cpu {

/// x ← σ(x).
template <class Array>
void activate_array(Activation activation, Array&& x) {
  using Scalar = typename std::decay_t<Array>::Scalar;
  switch (activation) {
    case Activation::identity:
      break;
    case Activation::relu:
      x = x.max(Scalar(0));
      break;
    case Activation::leaky_relu:
      x = x.max(Scalar(leaky_relu_slope) * x);
      break;
    case Activation::tanh:
      x = x.tanh();
      break;
    case Activation::sigmoid:
      x = Scalar(1) / (Scalar(1) + (-x).exp());
      break;
    case Activation::gelu:
      x *= Scalar(0.5) * (Scalar(1) + (x * Scalar(work::sqrt_half)).erf());
      break;
  }
}

/// s ← d ∘ σ'(G), with the derivative taken from f: σ(G), or G where derivative_needs_input. s may be d.
template <class Outputs, class Difference, class Target>
void apply_derivative(Activation activation, const Outputs& f, const Difference& d, Target&& s) {
  using Scalar = typename Outputs::Scalar;
  switch (activation) {  // conditions as functions of numbers: Eigen's select() is not vectorised
    case Activation::identity:
      s = d;
      break;
    case Activation::relu:
      s = f.binaryExpr(d, [](Scalar output, Scalar one) { return output > Scalar(0) ? one : Scalar(0); });
      break;
    case Activation::leaky_relu:
      s = f.binaryExpr(
          d, [](Scalar output, Scalar one) { return output > Scalar(0) ? one : Scalar(leaky_relu_slope) * one; });
      break;
    case Activation::tanh:
      s = d * (Scalar(1) - f.square());
      break;
    case Activation::sigmoid:
      s = d * f * (Scalar(1) - f);
      break;
    case Activation::gelu:
      s = d * (Scalar(0.5) * (Scalar(1) + (f * Scalar(work::sqrt_half)).erf()) +
               f * (Scalar(work::inverse_sqrt_two_pi) * (Scalar(-0.5) * f.square()).exp()));
      break;
  }
}

}  // namespace sibp::cpu
