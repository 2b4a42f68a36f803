// Patches of a convolution: rows of a patch lie in one piece in the image too, and are copied or added piece by piece.
#include "device/cpu_windows.hpp"
#include "device/window_work.hpp"

#include <algorithm>

namespace sibp::cpu {
namespace {

/// How a row of the kernel, kernel_width · channels elements, meets the picture: elements beyond the left edge, inside,
/// and beyond the right edge.
struct Run {
  Index before, inside, after;
};

Run run_of(const Window& window, Index left) {
  const Index before = std::clamp<Index>(-left, 0, window.kernel_width);
  const Index after =
      std::clamp<Index>(left + window.kernel_width - window.input.width, 0, window.kernel_width - before);
  const Index channels = window.input.channels;
  return {before * channels, (window.kernel_width - before - after) * channels, after * channels};
}

/// Calls visit(k, sample, corner) for the places of `count` patches from number `first` on.
template <class Visit>
void for_patches(const Window& window, Index first, Index count, const Visit& visit) {
  const Index places = window.places();
  const Index width = window.output_width();
  Index sample = first / places;
  Index row = first % places / width;
  Index column = first % places % width;
  for (Index k = 0; k < count; ++k) {
    visit(k, sample, work::Pixel{row * window.stride - window.padding, column * window.stride - window.padding});
    if (++column < width) continue;
    column = 0;
    if (++row < window.output_height()) continue;
    row = 0;
    ++sample;
  }
}

}  // namespace

void unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches) {
  const Index run = window.kernel_width * window.input.channels;
  for_patches(window, first, patches.cols, [&](Index k, Index sample, work::Pixel corner) {
    Real* to = &patches(0, k);
    const auto [before, inside, after] = run_of(window, corner.column);
    for (Index i = corner.row; i < corner.row + window.kernel_height; ++i, to += run) {
      if (i < 0 || i >= window.input.height || inside == 0) {
        std::fill_n(to, run, Real(0));
        continue;
      }
      const Real* from = &images(work::row_of(window.input, {i, std::max<Index>(corner.column, 0)}, 0), sample);
      std::fill_n(to, before, Real(0));
      std::copy_n(from, inside, to + before);
      std::fill_n(to + before + inside, after, Real(0));
    }
    if (patches.rows > window.patch()) *to = Real(1);
  });
}

void fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images) {
  const Index run = window.kernel_width * window.input.channels;
  for_patches(window, first, patches.cols, [&](Index k, Index sample, work::Pixel corner) {
    const auto [before, inside, after] = run_of(window, corner.column);
    if (inside == 0) return;
    const Real* from = &patches(before, k);
    for (Index i = corner.row; i < corner.row + window.kernel_height; ++i, from += run) {
      if (i < 0 || i >= window.input.height) continue;
      Real* to = &images(work::row_of(window.input, {i, std::max<Index>(corner.column, 0)}, 0), sample);
      for (Index r = 0; r < inside; ++r) to[r] += from[r];
    }
  });
}

}  // namespace sibp::cpu
