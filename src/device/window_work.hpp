#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/tensor_shape.hpp"

#include <limits>

/// Patches and pooling element by element, as in element_work.hpp. What several windows add to one element is gathered
/// by that element, window after window in the order of their places.
namespace sibp::work {

/// A pixel of a sample; it may lie beyond the edge.
struct Pixel {
  Index row;
  Index column;
};

constexpr bool is_inside(const TensorShape& shape, Pixel at) {
  return at.row >= 0 && at.row < shape.height && at.column >= 0 && at.column < shape.width;
}

/// Row of element `channel` of a pixel in a tensor.
constexpr Index row_of(const TensorShape& shape, Pixel at, Index channel) {
  return (at.row * shape.width + at.column) * shape.channels + channel;
}

/// The pixel under the first element of the window at place number `place` of a sample.
constexpr Pixel corner(const Window& window, Index place) {
  const Index width = window.output_width();
  return {place / width * window.stride - window.padding, place % width * window.stride - window.padding};
}

/// Pixels of the picture under a window: rows [top, bottom), columns [left, right).
struct Area {
  Index top, bottom, left, right;
  [[nodiscard]] constexpr Index pixels() const { return (bottom - top) * (right - left); }
};

constexpr Area area_under(const Window& window, Pixel first) {
  const auto least = [](Index a, Index b) { return a < b ? a : b; };
  return {first.row > 0 ? first.row : 0, least(first.row + window.kernel_height, window.input.height),
          first.column > 0 ? first.column : 0, least(first.column + window.kernel_width, window.input.width)};
}

/// Places [first, end) of a window along one side of the picture in which it lies over pixel `at`.
struct PlaceRange {
  Index first, end;
};

constexpr PlaceRange places_over(Index at, Index kernel, Index stride, Index padding, Index places) {
  const Index last_offset = at + padding;  // place o covers at where o · stride ≤ at + padding < o · stride + kernel
  const Index first_offset = last_offset - kernel + 1;
  const Index end = last_offset / stride + 1;
  return {first_offset > 0 ? (first_offset + stride - 1) / stride : 0, end < places ? end : places};
}

/// Calls visit(place, pixel of the patch) for all windows over a pixel, in the order of places.
template <class Visit>
constexpr void for_windows_over(const Window& window, Pixel at, const Visit& visit) {
  const PlaceRange rows =
      places_over(at.row, window.kernel_height, window.stride, window.padding, window.output_height());
  const PlaceRange columns =
      places_over(at.column, window.kernel_width, window.stride, window.padding, window.output_width());
  for (Index i = rows.first; i < rows.end; ++i) {
    for (Index j = columns.first; j < columns.end; ++j) {
      const Index under_row = at.row + window.padding - i * window.stride;
      const Index under_column = at.column + window.padding - j * window.stride;
      visit(i * window.output_width() + j, under_row * window.kernel_width + under_column);
    }
  }
}

/// Element r of a tensor with `channels` channels.
struct Element {
  Index pixel;
  Index channel;
};

constexpr Element element_of(Index channels, Index r) {
  return {r / channels, r % channels};
}

constexpr Pixel pixel_of(const TensorShape& shape, Index pixel) {
  return {pixel / shape.width, pixel % shape.width};
}

struct Unfold {
  Window window;
  ConstMatrixView images;
  Index first;
  MatrixView patches;
  constexpr void operator()(Index r, Index c) const {
    if (r == window.patch()) {
      patches(r, c) = Real(1);
      return;
    }
    const Index sample = (first + c) / window.places();
    const Pixel start = corner(window, (first + c) % window.places());
    const Element element = element_of(window.input.channels, r);
    const Pixel at{start.row + element.pixel / window.kernel_width, start.column + element.pixel % window.kernel_width};
    patches(r, c) = is_inside(window.input, at) ? images(row_of(window.input, at, element.channel), sample) : Real(0);
  }
};

/// For every element of the samples from `first_sample` on.
struct Fold {
  Window window;
  ConstMatrixView patches;
  Index first;
  MatrixView images;
  constexpr void operator()(Index r, Index c) const {
    const Index sample = first / window.places() + c;
    const Element element = element_of(window.input.channels, r);
    Real sum = images(r, sample);
    for_windows_over(window, pixel_of(window.input, element.pixel), [&](Index place, Index in_patch) {
      const Index k = sample * window.places() + place - first;
      if (k >= 0 && k < patches.cols) sum += patches(in_patch * window.input.channels + element.channel, k);
    });
    images(r, sample) = sum;
  }
};

/// Whether x replaces the largest of the inputs before it; a NaN does, and stays.
template <class T>
constexpr bool replaces_largest(T x, T largest) {
  return x > largest || x != x;
}

struct MaxPool {
  Window window;
  ConstMatrixView x;
  MatrixView y;
  constexpr void operator()(Index r, Index c) const {
    const Element element = element_of(window.input.channels, r);
    const Area area = area_under(window, corner(window, element.pixel));
    Real largest = x(row_of(window.input, {area.top, area.left}, element.channel), c);
    for (Index i = area.top; i < area.bottom; ++i) {
      for (Index j = area.left; j < area.right; ++j) {
        const Real input = x(row_of(window.input, {i, j}, element.channel), c);
        if (replaces_largest(input, largest)) largest = input;
      }
    }
    y(r, c) = largest;
  }
};

struct MaxPoolBackward {
  Window window;
  ConstMatrixView x;
  ConstMatrixView y;
  ConstMatrixView dy;
  Real beta;
  MatrixView dx;
  constexpr void operator()(Index r, Index c) const {
    const Element element = element_of(window.input.channels, r);
    const Pixel at = pixel_of(window.input, element.pixel);
    Real sum = beta == Real(0) ? Real(0) : dx(r, c);
    for_windows_over(window, at, [&](Index place, Index) {
      const Index output = place * window.input.channels + element.channel;
      if (x(r, c) == y(output, c) && is_first_of_equals(at, place, element.channel, c)) sum += dy(output, c);
    });
    dx(r, c) = sum;
  }

 private:
  /// Whether no input before `at` in the patch is as large.
  constexpr bool is_first_of_equals(Pixel at, Index place, Index channel, Index c) const {
    const Real largest = x(row_of(window.input, at, channel), c);
    const Area area = area_under(window, corner(window, place));
    for (Index i = area.top; i <= at.row; ++i) {
      for (Index j = area.left; j < (i == at.row ? at.column : area.right); ++j) {
        if (x(row_of(window.input, {i, j}, channel), c) == largest) return false;
      }
    }
    return true;
  }
};

struct MeanPool {
  Window window;
  ConstMatrixView x;
  MatrixView y;
  constexpr void operator()(Index r, Index c) const {
    const Element element = element_of(window.input.channels, r);
    const Area area = area_under(window, corner(window, element.pixel));
    Real sum = 0;
    for (Index i = area.top; i < area.bottom; ++i) {
      for (Index j = area.left; j < area.right; ++j) sum += x(row_of(window.input, {i, j}, element.channel), c);
    }
    y(r, c) = sum * (Real(1) / static_cast<Real>(area.pixels()));
  }
};

struct MeanPoolBackward {
  Window window;
  ConstMatrixView dy;
  Real beta;
  MatrixView dx;
  constexpr void operator()(Index r, Index c) const {
    const Element element = element_of(window.input.channels, r);
    Real sum = beta == Real(0) ? Real(0) : dx(r, c);
    for_windows_over(window, pixel_of(window.input, element.pixel), [&](Index place, Index) {
      const Area area = area_under(window, corner(window, place));
      const Real share = Real(1) / static_cast<Real>(area.pixels());
      sum += share * dy(place * window.input.channels + element.channel, c);
    });
    dx(r, c) = sum;
  }
};

}  // namespace sibp::work
