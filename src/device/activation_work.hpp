#pragma once

#include "sibp/device/activation.hpp"

#include <cmath>

/// Activations as types, for single numbers and, where `is_smooth`, for arrays of them, which have their own exp, tanh
/// and erf. Each has σ(g) and σ'(g), the latter from what is known of the element: σ(g), or g itself
/// (derivative_needs_input). Nothing here is CUDA; see element_work.hpp.
namespace sibp::work {

template <class T>
struct ScalarOf {
  using type = T;
};
template <class T>
requires requires {
  typename T::Scalar;
}
struct ScalarOf<T> {
  using type = typename T::Scalar;
};
/// A number of the type that an array is made of.
template <class T>
using Scalar = typename ScalarOf<T>::type;

struct Identity {
  static constexpr bool is_smooth = false;
  template <class T>
  constexpr T operator()(T g) const {
    return g;
  }
  template <class T>
  [[nodiscard]] constexpr T derivative(T) const {
    return T(1);
  }
};

struct Relu {
  static constexpr bool is_smooth = false;
  template <class T>
  constexpr T operator()(T g) const {
    return g < T(0) ? T(0) : g;  // a NaN stays one
  }
  template <class T>
  [[nodiscard]] constexpr T derivative(T f) const {
    return f > T(0) ? T(1) : T(0);
  }
};

struct LeakyRelu {
  static constexpr bool is_smooth = false;
  template <class T>
  constexpr T operator()(T g) const {
    return g < T(0) ? T(leaky_relu_slope) * g : g;
  }
  template <class T>
  [[nodiscard]] constexpr T derivative(T f) const {
    return f > T(0) ? T(1) : T(leaky_relu_slope);
  }
};

struct Tanh {
  static constexpr bool is_smooth = true;
  template <class T>
  constexpr T operator()(const T& g) const {
    using std::tanh;
    return tanh(g);
  }
  template <class T>
  [[nodiscard]] constexpr T derivative(const T& f) const {
    return Scalar<T>(1) - f * f;
  }
};

struct Sigmoid {
  static constexpr bool is_smooth = true;
  template <class T>
  constexpr T operator()(const T& g) const {
    using std::exp;
    return Scalar<T>(1) / (Scalar<T>(1) + exp(-g));
  }
  template <class T>
  [[nodiscard]] constexpr T derivative(const T& f) const {
    return f * (Scalar<T>(1) - f);
  }
};

struct Gelu {
  static constexpr bool is_smooth = true;
  template <class T>
  constexpr T operator()(const T& g) const {
    return g * normal_distribution(g);
  }
  template <class T>
  [[nodiscard]] constexpr T derivative(const T& g) const {
    using std::exp;
    constexpr auto peak = Scalar<T>(0.39894228040143267794);  // 1/√2π
    return normal_distribution(g) + g * (peak * exp(Scalar<T>(-0.5) * g * g));
  }

 private:
  /// Φ(g) = (1 + erf(g/√2)) / 2
  template <class T>
  static constexpr T normal_distribution(const T& g) {
    using std::erf;
    constexpr auto sqrt_half = Scalar<T>(0.70710678118654752440);
    return Scalar<T>(0.5) * (Scalar<T>(1) + erf(sqrt_half * g));
  }
};

/// visit(σ) with σ's type.
template <class Visit>
constexpr decltype(auto) with_activation(Activation activation, const Visit& visit) {
  switch (activation) {
    case Activation::identity:
      break;
    case Activation::relu:
      return visit(Relu());
    case Activation::leaky_relu:
      return visit(LeakyRelu());
    case Activation::tanh:
      return visit(Tanh());
    case Activation::sigmoid:
      return visit(Sigmoid());
    case Activation::gelu:
      return visit(Gelu());
  }
  return visit(Identity());
}

template <class T>
constexpr T activated(Activation activation, T g) {
  return with_activation(activation, [g](auto sigma) { return sigma(g); });
}

/// σ'(g) from σ(g), or from g where derivative_needs_input.
template <class T>
constexpr T derivative(Activation activation, T known) {
  return with_activation(activation, [known](auto sigma) { return sigma.derivative(known); });
}

}  // namespace sibp::work
