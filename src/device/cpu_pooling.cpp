// Pooling: a window's pixels one after the other, all channels of a pixel at once.
#include "device/cpu_loops.hpp"
#include "device/cpu_windows.hpp"
#include "device/window_work.hpp"

#include <algorithm>
#include <array>

namespace sibp::cpu {
namespace {

/// Whether every pixel lies under exactly one place of the window, so that its result needs no sum.
bool tiles(const Window& window) {
  return window.padding == 0 && window.kernel_height == window.stride && window.kernel_width == window.stride &&
         window.input.height % window.stride == 0 && window.input.width % window.stride == 0;
}

/// Calls visit(area, output row of the place's first channel) for all places of the window on one sample.
template <class Visit>
void for_places(const Window& window, const Visit& visit) {
  Index output = 0;
  for (Index i = 0; i < window.output_height(); ++i) {
    for (Index j = 0; j < window.output_width(); ++j, output += window.input.channels) {
      visit(work::area_under(window, {i * window.stride - window.padding, j * window.stride - window.padding}), output);
    }
  }
}

/// Calls visit(row of the pixel's first channel) for all pixels of an area.
template <class Visit>
void for_pixels(const TensorShape& shape, const work::Area& area, const Visit& visit) {
  for (Index i = area.top; i < area.bottom; ++i) {
    for (Index j = area.left; j < area.right; ++j) visit(work::row_of(shape, {i, j}, 0));
  }
}

/// dx ← 0 where sums are to begin at 0.
void clear(Real beta, MatrixView dx, Index sample) {
  if (beta == Real(0)) std::fill_n(&dx(0, sample), dx.rows, Real(0));
}

/// Channels that are pooled together, so that what is left of their differences has room on the stack.
constexpr Index most_channels = 256;

/// dx (+)= dy where the input is the output and none before it was; `left` is dy until it has been given away.
template <bool overwrites>
void give_to_largest(Index channels, const Real* x, const Real* y, Real* left, Real* dx) {
  for_each_index(channels, [=](Index c) {
    const Real given = x[c] == y[c] ? left[c] : Real(0);
    left[c] = x[c] == y[c] ? Real(0) : left[c];
    dx[c] = overwrites ? given : dx[c] + given;
  });
}

template <bool overwrites>
void add_share(Index channels, Real share, const Real* dy, Real* dx) {
  for_each_index(channels, [=](Index c) { dx[c] = overwrites ? share * dy[c] : dx[c] + share * dy[c]; });
}

template <bool overwrites>
void max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y, ConstMatrixView dy, Real beta,
                       MatrixView dx) {
  std::array<Real, most_channels> left;
  for (Index m = 0; m < x.cols; ++m) {
    if (!overwrites) clear(beta, dx, m);
    for_places(window, [&](const work::Area& area, Index output) {
      for (Index first = 0; first < window.input.channels; first += most_channels) {
        const Index count = std::min(most_channels, window.input.channels - first);
        std::copy_n(&dy(output + first, m), count, left.data());
        for_pixels(window.input, area, [&](Index input) {
          give_to_largest<overwrites>(count, &x(input + first, m), &y(output + first, m), left.data(),
                                      &dx(input + first, m));
        });
      }
    });
  }
}

template <bool overwrites>
void mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx) {
  for (Index m = 0; m < dy.cols; ++m) {
    if (!overwrites) clear(beta, dx, m);
    for_places(window, [&](const work::Area& area, Index output) {
      const Real share = Real(1) / static_cast<Real>(area.pixels());
      for_pixels(window.input, area, [&](Index input) {
        add_share<overwrites>(window.input.channels, share, &dy(output, m), &dx(input, m));
      });
    });
  }
}

}  // namespace

void max_pool(const Window& window, ConstMatrixView x, MatrixView y) {
  const Index channels = window.input.channels;
  for (Index m = 0; m < x.cols; ++m) {
    for_places(window, [&](const work::Area& area, Index output) {
      Real* to = &y(output, m);
      std::copy_n(&x(work::row_of(window.input, {area.top, area.left}, 0), m), channels, to);
      for_pixels(window.input, area, [&](Index input) {
        const Real* from = &x(input, m);
        for_each_index(channels, [=](Index c) { to[c] = work::replaces_largest(from[c], to[c]) ? from[c] : to[c]; });
      });
    });
  }
}

void max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y, ConstMatrixView dy, Real beta,
                       MatrixView dx) {
  if (beta == Real(0) && tiles(window)) {
    max_pool_backward<true>(window, x, y, dy, beta, dx);
  } else {
    max_pool_backward<false>(window, x, y, dy, beta, dx);
  }
}

void mean_pool(const Window& window, ConstMatrixView x, MatrixView y) {
  const Index channels = window.input.channels;
  for (Index m = 0; m < x.cols; ++m) {
    for_places(window, [&](const work::Area& area, Index output) {
      Real* to = &y(output, m);
      std::fill_n(to, channels, Real(0));
      for_pixels(window.input, area, [&](Index input) {
        const Real* from = &x(input, m);
        for_each_index(channels, [=](Index c) { to[c] += from[c]; });
      });
      const Real share = Real(1) / static_cast<Real>(area.pixels());
      for_each_index(channels, [=](Index c) { to[c] *= share; });
    });
  }
}

void mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx) {
  if (beta == Real(0) && tiles(window)) {
    mean_pool_backward<true>(window, dy, beta, dx);
  } else {
    mean_pool_backward<false>(window, dy, beta, dx);
  }
}

}  // namespace sibp::cpu
