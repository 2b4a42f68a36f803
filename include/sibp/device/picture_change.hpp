#pragma once

#include "sibp/device/tensor_shape.hpp"

#include <cstdint>

namespace sibp {

/// How a picture is changed on its way to the inputs of a network: left and right are exchanged, then it is shifted,
/// then a square is wiped out. Where nothing of the picture is left, inputs are 0: the mean of the pixels, where these
/// are normalised to it.
struct PictureChange {
  bool mirrored = false;
  std::int32_t down = 0;   ///< pixels; up if negative
  std::int32_t right = 0;  ///< pixels; left if negative
  std::int32_t hole_top = 0;
  std::int32_t hole_left = 0;
  std::int32_t hole_size = 0;  ///< pixels of a side; 0: no hole

  friend bool operator==(const PictureChange&, const PictureChange&) = default;
};

/// The feature of the picture that becomes `feature` of the inputs; −1 if none does. Features are numbered as in
/// TensorShape.
constexpr Index source_of(const PictureChange& change, const TensorShape& shape, Index feature) {
  const Index pixel = feature / shape.channels;
  const Index row = pixel / shape.width;
  const Index column = pixel % shape.width;
  const auto in_hole = [&](Index place, Index first) { return place >= first && place < first + change.hole_size; };
  if (in_hole(row, change.hole_top) && in_hole(column, change.hole_left)) return -1;
  const Index source_row = row - change.down;
  const Index shifted = column - change.right;
  if (source_row < 0 || source_row >= shape.height || shifted < 0 || shifted >= shape.width) return -1;
  const Index source_column = change.mirrored ? shape.width - 1 - shifted : shifted;
  return (source_row * shape.width + source_column) * shape.channels + feature % shape.channels;
}

}  // namespace sibp
