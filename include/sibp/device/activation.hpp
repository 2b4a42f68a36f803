#pragma once

namespace sibp {

/// σ of a layer, applied to each element. The derivative is taken from the output f = σ(g), so g need not be kept.
enum class Activation {
  identity,    ///< g                        derivative 1
  relu,        ///< max(g, 0)                derivative 1 if f > 0, else 0
  leaky_relu,  ///< g if g > 0, else 0.01 g  derivative 1 if f > 0, else 0.01
  tanh,        ///< tanh(g)                  derivative 1 − f²
  sigmoid,     ///< 1/(1 + e^−g)             derivative f (1 − f)
};

/// Slope of leaky_relu for negative arguments.
inline constexpr double leaky_relu_slope = 0.01;

}  // namespace sibp
