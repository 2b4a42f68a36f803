#pragma once

#include "sibp/layer/layer.hpp"

#include <vector>

namespace sibp {

/// What becomes of γ.
enum class NormScale {
  learnt,  ///< as β
  fixed,   ///< at 1: β alone is a parameter
};

/// What batch and group normalisation have in common: y = σ(γ ∘ x̂ + β) with a γ and a β for every channel; γ may be
/// fixed at 1.
class NormLayer : public Layer, public ScaleMap {
 public:
  /// Added to a variance before its root is taken.
  static constexpr double epsilon = 1e-5;

  NormLayer(LayerPlace place, Activation activation);

  void backward() override;
  [[nodiscard]] ScaleMap* scales() override { return this; }

  [[nodiscard]] std::size_t index() const override { return place_.index; }
  [[nodiscard]] const std::string& name() const override { return place_.name; }
  [[nodiscard]] MatrixView weights() override { return place_.parameters.front(); }
  [[nodiscard]] Sums sums() const override { return {delta_input_, delta_, squares_, inputs_, count_}; }

 protected:
  /// Fills delta_input_, delta_, squares_, inputs_ and count_ from S = D ∘ σ'(y), which is in the place of D.
  virtual void sum_delta(ConstMatrixView s) = 0;

  [[nodiscard]] const LayerPlace& place() const { return place_; }
  [[nodiscard]] Activation activation() const { return activation_; }
  [[nodiscard]] std::size_t channels() const { return gamma_.size(); }
  [[nodiscard]] double pixels() const { return static_cast<double>(place_.store.shape(place_.node + 1).pixels()); }
  /// γ and β as they are now, into gamma_ and beta_.
  void read_scales();
  /// Samples of all ranks. Collective.
  [[nodiscard]] Index count_samples() const { return place_.communicator.sum(place_.store.samples()); }
  /// y ← σ(a x + b z + c) + beta y by the coefficients in of_x_, of_z_ and constant_.
  void combine(ConstMatrixView x, ConstMatrixView z, Activation activation, Real beta, MatrixView y);

  std::vector<double> gamma_, beta_;
  std::vector<double> delta_input_, delta_, squares_, inputs_;
  double count_ = 0;
  std::vector<double> of_x_, of_z_, constant_;

 private:
  LayerPlace place_;
  Activation activation_;
  std::vector<Real> host_scales_;
};

/// [γ β] of so many channels, parameters "scale" and "shift", or the shift alone.
ParameterSpec scale_parameter(Index channels, NormScale scale);

/// γ of every channel for other programs: of the layer's parameters, or 1.
Tensor gamma_of(const ExportedLayer& layer);

}  // namespace sibp
