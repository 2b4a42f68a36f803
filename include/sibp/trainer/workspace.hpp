#pragma once

#include "sibp/device/device.hpp"
#include "sibp/model/network.hpp"

#include <memory>
#include <vector>

namespace sibp {

/// The inputs of a network for up to `capacity` samples, F̂_0 = [X; 1ᵀ], and their labels. Local.
class InputBuffer {
 public:
  InputBuffer(Device& device, Index features, Index capacity);

  [[nodiscard]] Index capacity() const { return inputs_.cols(); }
  [[nodiscard]] Index samples() const { return samples_; }
  /// The number of samples of the views below.
  void set_samples(Index samples);

  /// F̂_0, (features + 1) × samples, its last row 1.
  [[nodiscard]] MatrixView with_ones() { return inputs_.view().left_cols(samples_); }
  /// X, features × samples.
  [[nodiscard]] MatrixView values() { return with_ones().top_rows(inputs_.rows() - 1); }
  [[nodiscard]] LabelView labels() { return {labels_.get(), samples_}; }

 private:
  Matrix inputs_;
  std::shared_ptr<std::int32_t[]> labels_;
  Index samples_ = 0;
};

/// The matrices of one pass through a network for up to `capacity` local samples, allocated once and used for batches
/// of any size up to that. Local.
class Workspace {
 public:
  Workspace(Device& device, const NetworkSpec& spec, Index capacity);

  [[nodiscard]] Index capacity() const { return inputs_.capacity(); }
  /// The number of samples of the views below.
  void set_samples(Index samples) { inputs_.set_samples(samples); }
  /// Takes the samples of `inputs`, of equal capacity, and leaves it those that were here.
  void exchange_inputs(InputBuffer& inputs);

  /// F̂_i, (n_i + 1) × M_p with its last row 1; i = 0 is the input. i < L.
  [[nodiscard]] MatrixView features(std::size_t i);
  /// F_i, n_i × M_p: the inputs for i = 0, the outputs for i = L.
  [[nodiscard]] MatrixView activations(std::size_t i);
  /// D_i, n_i × M_p, i ≥ 1.
  [[nodiscard]] MatrixView difference(std::size_t i) {
    return differences_.at(i - 1).view().left_cols(inputs_.samples());
  }
  /// S_i = D_i ∘ σ'(G_i), n_i × M_p, i ≥ 1.
  [[nodiscard]] MatrixView masked(std::size_t i) { return masked_.at(i - 1).view().left_cols(inputs_.samples()); }
  [[nodiscard]] LabelView labels() { return inputs_.labels(); }

  /// F_i for i = 1 … L from the inputs: G_i = Ŵ_i F̂_{i−1}, F_i = σ(G_i).
  void forward(const Network& network);
  /// F_i of layer i ≥ 1 alone.
  void forward_layer(const Network& network, std::size_t i);

 private:
  Device& device_;
  InputBuffer inputs_;               ///< F̂_0
  std::vector<Matrix> features_;     ///< F̂_1 … F̂_{L−1}
  Matrix outputs_;                   ///< F_L
  std::vector<Matrix> differences_;  ///< D_1 … D_L
  std::vector<Matrix> masked_;       ///< S_1 … S_L
};

}  // namespace sibp
