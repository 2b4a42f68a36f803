#pragma once

#include "sibp/layer/layer.hpp"

#include <algorithm>

namespace sibp {

/// What dense layers and convolutions have in common: a map whose difference D becomes the delta S in its place.
class MapLayer : public Layer, public LinearMap {
 public:
  MapLayer(const LayerPlace& place, const MapShape& shape) : place_(place), shape_(shape) {}

  void backward() override { holds_delta_ = false; }
  [[nodiscard]] LinearMap* map() override { return this; }

  [[nodiscard]] const MapShape& shape() const override { return shape_; }
  [[nodiscard]] std::size_t index() const override { return place_.index; }
  [[nodiscard]] const std::string& name() const override { return place_.name; }
  [[nodiscard]] Index samples() const override { return place_.store.samples(); }
  [[nodiscard]] Index sampled(Index every) const override {
    return std::ranges::count_if(place_.store.inputs().places(), [every](Index at) { return at % every == 0; });
  }
  [[nodiscard]] MatrixView weights() override { return place_.parameters.front(); }

  [[nodiscard]] ConstMatrixView difference() override {
    require(!holds_delta_, "the difference has become the delta already");
    return by_columns(place_.output_difference());
  }
  [[nodiscard]] ConstMatrixView delta() override {
    const MatrixView difference = place_.output_difference();
    if (!holds_delta_ && shape_.activation != Activation::identity)
      place_.device.apply_derivative(shape_.activation, place_.output(), difference, difference);  // S = D ∘ σ'(G)
    holds_delta_ = true;
    return by_columns(difference);
  }
  [[nodiscard]] bool carries() const override { return place_.carries(); }

 protected:
  [[nodiscard]] const LayerPlace& place() const { return place_; }
  /// W without the column of biases.
  [[nodiscard]] ConstMatrixView weights_alone() { return ConstMatrixView(weights()).left_cols(shape_.inputs); }

 private:
  /// A tensor of the outputs without gaps, outputs × N_p.
  [[nodiscard]] ConstMatrixView by_columns(ConstMatrixView tensor) const {
    return {tensor.data, shape_.outputs, shape_.columns * tensor.cols, shape_.outputs};
  }

  LayerPlace place_;
  MapShape shape_;
  bool holds_delta_ = false;
};

}  // namespace sibp
