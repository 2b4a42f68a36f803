// Patches of a convolution: rows of a patch lie in one piece in the image too, and are copied or added piece by piece.
#include "device/cpu_loops.hpp"
#include "device/cpu_windows.hpp"
#include "device/window_work.hpp"

#include <algorithm>
#include <type_traits>

namespace sibp::cpu {
namespace {

/// to ← from. Most runs of few channels are shorter than a call of the library is worth: they are put together from
/// moves of 16, 8, 4, 2 and 1 elements.
void copy_run(const Real* from, Index size, Real* to) {
  if (size >= 32) {
    std::copy_n(from, size, to);
    return;
  }
  const auto move = [&]<Index count>(std::integral_constant<Index, count>) {
    if ((size & count) == 0) return;
    std::copy_n(from, count, to);
    from += count;
    to += count;
  };
  move(std::integral_constant<Index, 16>());
  move(std::integral_constant<Index, 8>());
  move(std::integral_constant<Index, 4>());
  move(std::integral_constant<Index, 2>());
  move(std::integral_constant<Index, 1>());
}

/// Patches that lie side by side in one row of places.
struct Segment {
  Index first, count;  ///< numbers of the patches
  Index sample;
  work::Pixel corner;  ///< of the first one
};

/// Calls visit(segment) for the rows of places of `count` patches, of which the first is number `first`.
template <class Visit>
void for_segments(const Window& window, Index first, Index count, const Visit& visit) {
  for (Index k = 0; k < count;) {
    const Index place = (first + k) % window.places();
    const Index in_row = window.output_width() - place % window.output_width();
    const Segment segment{k, std::min(in_row, count - k), (first + k) / window.places(), work::corner(window, place)};
    visit(segment);
    k += segment.count;
  }
}

/// Calls visit(number of the patch, elements beyond the left edge, elements inside, first of them in the row) for a row
/// of the kernel in the patches of a segment.
template <class Visit>
void for_runs(const Window& window, const Segment& segment, const Visit& visit) {
  const auto [height, width, channels] = window.input;
  Index left = segment.corner.column;
  for (Index k = segment.first; k < segment.first + segment.count; ++k, left += window.stride) {
    const Index begin = std::max<Index>(left, 0);
    const Index end = std::min(left + window.kernel_width, width);
    if (begin < end) {
      visit(k, (begin - left) * channels, (end - begin) * channels, begin * channels);
    } else {
      visit(k, 0, 0, 0);
    }
  }
}

/// Row number `under` of the kernel in the patches of a segment; `from` is the row of the picture below it, null beyond
/// the edge.
void unfold_row(const Window& window, const Segment& segment, const Real* from, Index under, MatrixView patches) {
  const Index run = window.kernel_width * window.input.channels;
  if (from == nullptr) {
    for (Index k = segment.first; k < segment.first + segment.count; ++k)
      std::fill_n(&patches(under * run, k), run, Real(0));
    return;
  }
  for_runs(window, segment, [&](Index k, Index before, Index inside, Index first) {
    Real* to = &patches(under * run, k);
    if (inside < run) std::fill_n(to, run, Real(0));
    copy_run(from + first, inside, to + before);
  });
}

void fold_row(const Window& window, const Segment& segment, ConstMatrixView patches, Index under, Real* to) {
  const Index run = window.kernel_width * window.input.channels;
  for_runs(window, segment, [&](Index k, Index before, Index inside, Index first) {
    const Real* from = &patches(under * run, k) + before;
    for_each_index(inside, [=, target = to + first](Index r) { target[r] += from[r]; });
  });
}

}  // namespace

void unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches) {
  const Index row = window.input.width * window.input.channels;
  for_segments(window, first, patches.cols, [&](const Segment& segment) {
    for (Index under = 0; under < window.kernel_height; ++under) {
      const Index i = segment.corner.row + under;
      const bool inside = i >= 0 && i < window.input.height;
      unfold_row(window, segment, inside ? &images(i * row, segment.sample) : nullptr, under, patches);
    }
  });
  if (patches.rows == window.patch()) return;
  for (Index k = 0; k < patches.cols; ++k) patches(window.patch(), k) = Real(1);
}

void fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images) {
  const Index row = window.input.width * window.input.channels;
  for_segments(window, first, patches.cols, [&](const Segment& segment) {
    for (Index under = 0; under < window.kernel_height; ++under) {
      const Index i = segment.corner.row + under;
      if (i >= 0 && i < window.input.height) {
        fold_row(window, segment, patches, under, &images(i * row, segment.sample));
      }
    }
  });
}

}  // namespace sibp::cpu
