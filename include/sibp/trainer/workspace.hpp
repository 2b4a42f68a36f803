#pragma once

#include "sibp/device/device.hpp"
#include "sibp/model/network.hpp"

#include <memory>
#include <vector>

namespace sibp {

/// The matrices of one pass through a network for up to `capacity` local samples, allocated once and used for batches
/// of any size up to that. Local.
class Workspace {
 public:
  Workspace(Device& device, const NetworkSpec& spec, Index capacity);

  [[nodiscard]] Index capacity() const { return capacity_; }
  /// The number of samples of the views below.
  void set_samples(Index samples);

  /// F̂_i, (n_i + 1) × M_p with its last row 1; i = 0 is the input. i < L.
  [[nodiscard]] MatrixView features(std::size_t i) { return features_.at(i).view().left_cols(samples_); }
  /// F_i, n_i × M_p: the inputs for i = 0, the outputs for i = L.
  [[nodiscard]] MatrixView activations(std::size_t i);
  /// D_i, n_i × M_p, i ≥ 1.
  [[nodiscard]] MatrixView difference(std::size_t i) { return differences_.at(i - 1).view().left_cols(samples_); }
  /// S_i = D_i ∘ σ'(G_i), n_i × M_p, i ≥ 1.
  [[nodiscard]] MatrixView masked(std::size_t i) { return masked_.at(i - 1).view().left_cols(samples_); }
  [[nodiscard]] LabelView labels() { return {labels_.get(), samples_}; }

  /// F_i for i = 1 … L from the inputs: G_i = Ŵ_i F̂_{i−1}, F_i = σ(G_i).
  void forward(const Network& network);
  /// F_i of layer i ≥ 1 alone.
  void forward_layer(const Network& network, std::size_t i);

 private:
  Device& device_;
  Index capacity_;
  Index samples_ = 0;
  std::vector<Matrix> features_;     ///< F̂_0 … F̂_{L−1}
  Matrix outputs_;                   ///< F_L
  std::vector<Matrix> differences_;  ///< D_1 … D_L
  std::vector<Matrix> masked_;       ///< S_1 … S_L
  std::shared_ptr<std::int32_t[]> labels_;
};

}  // namespace sibp
