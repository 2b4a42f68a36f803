#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"

#include <span>

namespace sibp {

/// The data term ‖σ(G) − T‖² of one layer's sub-problems, and how it changes along lines G + t H. At the start
/// G = Ŵ F̂ and T = σ(G) − η D.
///
/// G, T and all sums are in double whatever Real is. The gradient jumps where a neuron's G crosses 0, and a search
/// accepts or refuses: neither is then left to the rounding of products in float.
///
/// Columns are this rank's samples; there may be none. All calls are Local and throw Error (runtime) if shapes do not
/// fit. Made by Device::make_data_term, which it must not outlive.
class DataTerm {
 public:
  DataTerm() = default;
  DataTerm(const DataTerm&) = delete;
  DataTerm& operator=(const DataTerm&) = delete;
  virtual ~DataTerm() = default;

  /// G ← Ŵ F̂ and T ← σ(G) − η D; Ŵ is outputs × fan_in, F̂ fan_in × M_p and D outputs × M_p. σ is that of all later
  /// calls. The data term is then η² ‖D‖².
  virtual void start(Activation activation, ConstMatrixView weights, ConstMatrixView features, double eta,
                     ConstMatrixView difference) = 0;
  /// r ← (σ(G) − T) ∘ σ'(G), outputs × M_p.
  virtual void residual_delta(MatrixView r) = 0;
  /// changes[k] ← ‖σ(G + t_k H) − T‖² − ‖σ(G) − T‖², added up from the elements' differences, so that small changes of
  /// a large term keep their digits. H is outputs × M_p; `steps` (t_k) and `changes` are host memory.
  virtual void changes(ConstMatrixView h, std::span<const double> steps, std::span<double> changes) = 0;
  /// G ← G + t H, H outputs × M_p.
  virtual void move(double t, ConstMatrixView h) = 0;
};

}  // namespace sibp
