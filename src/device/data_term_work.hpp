#pragma once

#include "device/element_work.hpp"

/// What a GPU does for DataTerm: its matrices G and T are in double whatever Real is.
namespace sibp::work {

/// A rows × cols matrix of doubles without gaps, column-major.
struct Doubles {
  double* data = nullptr;
  Index rows = 0;
  constexpr double& operator()(Index r, Index c) const { return data[r + c * rows]; }
};

struct Widen {
  ConstMatrixView from;
  Doubles to;
  constexpr void operator()(Index r, Index c) const { to(r, c) = static_cast<double>(from(r, c)); }
};

/// T ← σ(G) − η D
struct StartTarget {
  Activation activation;
  Doubles g;
  double eta;
  ConstMatrixView difference;
  Doubles t;
  constexpr void operator()(Index r, Index c) const {
    t(r, c) = activated(activation, g(r, c)) - eta * static_cast<double>(difference(r, c));
  }
};

/// residual ← (σ(G) − T) ∘ σ'(G)
struct MaskedResidual {
  Activation activation;
  Doubles g;
  Doubles t;
  MatrixView residual;
  constexpr void operator()(Index r, Index c) const {
    const double output = activated(activation, g(r, c));
    const double known = derivative_needs_input(activation) ? g(r, c) : output;
    residual(r, c) = static_cast<Real>((output - t(r, c)) * derivative(activation, known));
  }
};

/// G ← G + step H
struct MoveAlong {
  Doubles g;
  double step;
  ConstMatrixView h;
  constexpr void operator()(Index r, Index c) const { g(r, c) += step * static_cast<double>(h(r, c)); }
};

/// (σ(g + t_k h) − t)² − (σ(g) − t)² as a product: a² − b² = (a − b)(a + b)
struct ChangeTerm {
  static constexpr Index most_steps = 64;

  Activation activation;
  Doubles g;
  Doubles t;
  ConstMatrixView h;
  double steps[most_steps];  // NOLINT(cppcoreguidelines-avoid-c-arrays): std::array's members are not for devices
  constexpr double operator()(Index r, Index c, Index k) const {
    const double output = activated(activation, g(r, c));
    const double moved = activated(activation, g(r, c) + steps[k] * static_cast<double>(h(r, c)));
    return (moved - output) * (moved + output - 2 * t(r, c));
  }
};

}  // namespace sibp::work
