#pragma once

#include "sibp/device/tensor_shape.hpp"

#include <span>

namespace sibp {

/// to ← the picture `planar`, whose channels lie one behind the other, with channels running fastest.
/// Both have shape.size() elements.
template <class T>
void channels_fastest(const TensorShape& shape, std::span<const T> planar, std::span<T> to) {
  const auto pixels = static_cast<std::size_t>(shape.pixels());
  const auto channels = static_cast<std::size_t>(shape.channels);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t pixel = 0; pixel < pixels; ++pixel)
      to[pixel * channels + channel] = planar[channel * pixels + pixel];
  }
}

}  // namespace sibp
