#pragma once

#include "sibp/device/device.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sibp {

/// (features + 1) × capacity with a last row of ones, which multiplies the bias. Local.
Matrix with_row_of_ones(Device& device, Index features, Index capacity);

/// The inputs of a network for up to `capacity` samples, F̂_0 = [X; 1ᵀ], their labels, and who they are. Local.
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
  /// The samples' places in the global batch, from 0; as numbered here unless set.
  [[nodiscard]] std::span<Index> places() { return std::span(places_).first(static_cast<std::size_t>(samples_)); }
  /// What random numbers of each sample are drawn from: of (seed, epoch, sample); as numbered here unless set.
  [[nodiscard]] std::span<std::uint64_t> keys() { return std::span(keys_).first(static_cast<std::size_t>(samples_)); }

 private:
  Matrix inputs_;
  std::shared_ptr<std::int32_t[]> labels_;
  std::vector<Index> places_;
  std::vector<std::uint64_t> keys_;
  Index samples_ = 0;
};

}  // namespace sibp
