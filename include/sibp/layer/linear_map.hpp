#pragma once

#include "sibp/comm/collectives.hpp"
#include "sibp/model/map_shape.hpp"

#include <string>

namespace sibp {

/// What lies in memory as a whole where a map has one column a sample.
class WholeMatrices {
 public:
  WholeMatrices() = default;
  WholeMatrices(const WholeMatrices&) = delete;
  WholeMatrices& operator=(const WholeMatrices&) = delete;
  virtual ~WholeMatrices() = default;

  /// P̂.
  [[nodiscard]] virtual ConstMatrixView whole_inputs() = 0;
  /// D_in, inputs × M_p, after LinearMap::carry(), where LinearMap::carries().
  [[nodiscard]] virtual MatrixView carried() = 0;
};

/// All that a method sees of a layer with weights, a dense layer or a convolution:
///
///   G = Ŵ P̂,  F = σ(G),   S = D ∘ σ'(G),   D_in += fold(Wᵀ S)
///
/// P̂ = [P; 1ᵀ] are the columns that go in, fan_in × N_p on this rank, N_p = columns · M_p; S is outputs × N_p. M_p may
/// be 0. All functions are Local. What they return is of the present batch and stays until the next; S and D only until
/// the way back has passed the layer.
class LinearMap {
 public:
  LinearMap() = default;
  LinearMap(const LinearMap&) = delete;
  LinearMap& operator=(const LinearMap&) = delete;
  virtual ~LinearMap() = default;

  [[nodiscard]] virtual const MapShape& shape() const = 0;
  /// Its number among the maps of the network, from 0.
  [[nodiscard]] virtual std::size_t index() const = 0;
  /// For people.
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// M_p.
  [[nodiscard]] virtual Index samples() const = 0;
  /// Of these, the ones whose place in the global batch is a multiple of `every`.
  [[nodiscard]] virtual Index sampled(Index every) const = 0;
  /// Ŵ = [W b], outputs × fan_in.
  [[nodiscard]] virtual MatrixView weights() = 0;

  /// D, outputs × N_p: gone once delta() has been called.
  [[nodiscard]] virtual ConstMatrixView difference() = 0;
  /// The delta S, the difference on the pre-activations, outputs × N_p. Takes the place of D at the first call of a
  /// step.
  [[nodiscard]] virtual ConstMatrixView delta() = 0;

  /// Blocks of P̂ and of S. Calls of for_each may not be nested.
  [[nodiscard]] virtual ColumnSource inputs_and_delta() = 0;
  /// Blocks of S and of P̂.
  [[nodiscard]] virtual ColumnSource delta_and_inputs() = 0;
  /// Blocks of P̂ twice, of the samples whose place in the global batch is a multiple of `every`.
  [[nodiscard]] virtual ColumnSource sampled_inputs(Index every) = 0;

  /// Null where patches are not in memory as a whole: maps with several columns a sample.
  [[nodiscard]] virtual WholeMatrices* whole_matrices() { return nullptr; }

  /// Whether a difference is carried on: there are layers before.
  [[nodiscard]] virtual bool carries() const = 0;
  /// D_in += fold(Wᵀ S) with W as it is now (or D_in = …, where nothing has been added yet); nothing unless carries().
  virtual void carry() = 0;
};

/// Those of a map that is known to have them. Throws Error (runtime) if it has none.
WholeMatrices& whole_matrices(LinearMap& map);

}  // namespace sibp
