#pragma once

#include "sibp/core/types.hpp"

namespace sibp {

/// One sample as a picture: height × width pixels of so many channels, channels fastest, then columns, then rows. A
/// plain vector is 1 × 1 × features. A batch of M samples is a matrix of size() rows and M columns, a column per
/// sample; where its columns lie without gaps it is at the same time a matrix of `channels` rows with a column per
/// pixel.
struct TensorShape {
  Index height = 1;
  Index width = 1;
  Index channels = 1;

  [[nodiscard]] constexpr Index pixels() const { return height * width; }
  [[nodiscard]] constexpr Index size() const { return height * width * channels; }
  friend bool operator==(const TensorShape&, const TensorShape&) = default;
};

/// A window that moves over the pixels of a sample: what convolutions and pooling have in common. Beyond the edge of
/// the picture, by as much as `padding`, pixels are 0 for a convolution and left out of a maximum or a mean.
struct Window {
  TensorShape input;
  Index kernel_height = 1;
  Index kernel_width = 1;
  Index stride = 1;
  Index padding = 0;  ///< pixels on every side

  [[nodiscard]] constexpr Index output_height() const {
    return (input.height + 2 * padding - kernel_height) / stride + 1;
  }
  [[nodiscard]] constexpr Index output_width() const { return (input.width + 2 * padding - kernel_width) / stride + 1; }
  /// Places of the window on one sample.
  [[nodiscard]] constexpr Index places() const { return output_height() * output_width(); }
  /// Elements of one patch: kernel row, kernel column, channel, the last running fastest.
  [[nodiscard]] constexpr Index patch() const { return kernel_height * kernel_width * input.channels; }
  friend bool operator==(const Window&, const Window&) = default;
};

}  // namespace sibp
