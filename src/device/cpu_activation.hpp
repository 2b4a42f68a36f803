#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/activation.hpp"

#include "device/activation_work.hpp"
#include "device/cpu_loops.hpp"

#include <algorithm>

#include <Eigen/Dense>
#include <unsupported/Eigen/SpecialFunctions>

/// Activations of arrays of either precision; private to the CPU device. What becomes of an element does not depend on
/// its place: smooth functions are computed for whole packets even at the end of an array.
namespace sibp::cpu {

/// As many numbers as the widest registers hold.
template <class T>
using Packet = Eigen::Array<T, 64 / sizeof(T), 1>;

/// to ← compute(packet of each operand), packet by packet; `to` may be an operand.
template <class T, class Compute, class... Operands>
void for_packets(Index size, const Compute& compute, T* to, const Operands*... operands) {
  constexpr Index full = Packet<T>::SizeAtCompileTime;
  Index first = 0;
  for (; first + full <= size; first += full) {
    Eigen::Map<Packet<T>>(to + first) = compute(Packet<T>(Eigen::Map<const Packet<T>>(operands + first))...);
  }
  const Index rest = size - first;
  if (rest == 0) return;
  const auto padded = [=](const T* from) {
    Packet<T> packet = Packet<T>::Zero();
    std::copy_n(from + first, rest, packet.data());
    return packet;
  };
  const Packet<T> last = compute(padded(operands)...);
  std::copy_n(last.data(), rest, to + first);
}

/// f ← σ(g), element by element; f may be g.
template <class Sigma, class T>
void apply(Sigma sigma, const T* g, T* f, Index size) {
  if constexpr (Sigma::is_smooth) {
    for_packets(size, sigma, f, g);
  } else {
    for_each_index(size, [=](Index k) { f[k] = sigma(g[k]); });
  }
}

template <class T>
void activate(Activation activation, const T* g, T* f, Index size) {
  work::with_activation(activation, [=](auto sigma) { apply(sigma, g, f, size); });
}

/// s ← d ∘ σ'(g), with the derivative taken from `known`, as in activation_work.hpp. s may be an operand.
template <class T>
void apply_derivative(Activation activation, const T* known, const T* d, T* s, Index size) {
  work::with_activation(activation, [=](auto sigma) {
    if constexpr (sigma.is_smooth) {
      const auto product = [=](const Packet<T>& f, const Packet<T>& difference) -> Packet<T> {
        return difference * sigma.derivative(f);
      };
      for_packets(size, product, s, known, d);
    } else {
      for_each_index(size, [=](Index k) { s[k] = d[k] * sigma.derivative(known[k]); });
    }
  });
}

}  // namespace sibp::cpu
