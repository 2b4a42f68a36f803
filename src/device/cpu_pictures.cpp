#include "device/cpu_pictures.hpp"

#include <algorithm>

namespace sibp::cpu {
namespace {

/// Copies `pixels` pixels, the first to the last place.
void copy_mirrored(const Real* from, Index pixels, Index channels, Real* to) {
  const Real* pixel = from + pixels * channels;
  for (Index k = 0; k < pixels; ++k) {
    pixel -= channels;
    for (Index channel = 0; channel < channels; ++channel) *to++ = pixel[channel];
  }
}

}  // namespace

void change_picture(const PictureChange& change, const TensorShape& shape, const Real* from, Real* to) {
  const Index channels = shape.channels;
  const Index row_size = shape.width * channels;
  // Columns first … end − 1 of the result come from the picture, from its column `first − right` on before mirroring.
  const Index first = std::clamp<Index>(change.right, 0, shape.width);
  const Index end = std::clamp<Index>(shape.width + change.right, first, shape.width);
  const Index source_first = change.mirrored ? shape.width - (end - change.right) : first - change.right;
  const Index hole_first = std::clamp<Index>(change.hole_left, 0, shape.width);
  const Index hole_end = std::clamp<Index>(Index{change.hole_left} + change.hole_size, hole_first, shape.width);
  for (Index row = 0; row < shape.height; ++row, to += row_size) {
    const Index source_row = row - change.down;
    if (source_row < 0 || source_row >= shape.height) {
      std::fill_n(to, row_size, Real(0));
      continue;
    }
    const Real* source = from + source_row * row_size + source_first * channels;
    std::fill_n(to, first * channels, Real(0));
    if (change.mirrored) {
      copy_mirrored(source, end - first, channels, to + first * channels);
    } else {
      std::copy_n(source, (end - first) * channels, to + first * channels);
    }
    std::fill(to + end * channels, to + row_size, Real(0));
    if (row >= change.hole_top && row < Index{change.hole_top} + change.hole_size)
      std::fill(to + hole_first * channels, to + hole_end * channels, Real(0));
  }
}

}  // namespace sibp::cpu
