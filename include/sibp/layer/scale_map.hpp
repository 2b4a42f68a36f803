#pragma once

#include "sibp/core/matrix_view.hpp"

#include <span>
#include <string>

namespace sibp {

/// All that a method sees of a layer of normalisation: y = γ ∘ x̂ + β, a linear map of (x̂, 1) for every channel by
/// itself, with sums over the pixels of the samples of all ranks. All functions are Local.
class ScaleMap {
 public:
  ScaleMap() = default;
  ScaleMap(const ScaleMap&) = delete;
  ScaleMap& operator=(const ScaleMap&) = delete;
  virtual ~ScaleMap() = default;

  /// For every channel, over N pixels of all ranks' samples: the right side and the Gram matrix of its least squares.
  struct Sums {
    std::span<const double> delta_input;  ///< Σ S ∘ x̂
    std::span<const double> delta;        ///< Σ S
    std::span<const double> squares;      ///< Σ x̂²
    std::span<const double> inputs;       ///< Σ x̂
    double count = 0;                     ///< N
  };

  /// Its number among those of the network, from 0.
  [[nodiscard]] virtual std::size_t index() const = 0;
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// [γ β], channels × 2; or β alone, channels × 1, where γ is fixed at 1.
  [[nodiscard]] virtual MatrixView weights() = 0;
  /// Of the present batch, once the way back has reached the layer.
  [[nodiscard]] virtual Sums sums() const = 0;
  /// Carries the difference on, with γ as it is now.
  virtual void carry() = 0;
};

}  // namespace sibp
