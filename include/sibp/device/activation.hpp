#pragma once

namespace sibp {

/// σ of a layer, applied to each element of G. Most derivatives follow from the output f = σ(g), so that g need not be
/// kept; see derivative_needs_input.
enum class Activation {
  identity,    ///< g                        derivative 1
  relu,        ///< max(g, 0)                derivative 1 if f > 0, else 0
  leaky_relu,  ///< g if g > 0, else 0.01 g  derivative 1 if f > 0, else 0.01
  tanh,        ///< tanh(g)                  derivative 1 − f²
  sigmoid,     ///< 1/(1 + e^−g)             derivative f (1 − f)
  gelu,        ///< g Φ(g)                   derivative Φ(g) + g φ(g), Φ and φ those of the normal distribution
};

/// Slope of leaky_relu for negative arguments.
inline constexpr double leaky_relu_slope = 0.01;

/// Whether σ'(g) is taken from g itself: of gelu, two g have the same f.
constexpr bool derivative_needs_input(Activation activation) {
  return activation == Activation::gelu;
}

}  // namespace sibp
