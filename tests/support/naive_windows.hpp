#pragma once

// Patches and pooling as plain loops in double; see naive.hpp.

#include "sibp/device/tensor_shape.hpp"

#include "support/naive.hpp"

#include <algorithm>
#include <limits>

namespace sibp::naive {

inline double inner_product(const Dense& a, const Dense& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.values.size(); ++k) sum += a.values[k] * b.values[k];
  return sum;
}

/// Calls visit(output row, patch row, input row) for every input within the picture under every place of the window:
/// rows of the outputs (place, channel), of the patches and of the inputs.
template <class Visit>
void for_inputs(const Window& window, const Visit& visit) {
  const auto [height, width, channels] = window.input;
  for (Index oi = 0; oi < window.output_height(); ++oi)
    for (Index oj = 0; oj < window.output_width(); ++oj)
      for (Index ki = 0; ki < window.kernel_height; ++ki)
        for (Index kj = 0; kj < window.kernel_width; ++kj) {
          const Index i = oi * window.stride - window.padding + ki;
          const Index j = oj * window.stride - window.padding + kj;
          if (i < 0 || i >= height || j < 0 || j >= width) continue;
          for (Index c = 0; c < channels; ++c)
            visit((oi * window.output_width() + oj) * channels + c, (ki * window.kernel_width + kj) * channels + c,
                  (i * width + j) * channels + c);
        }
}

inline Dense unfold(const Window& window, const Dense& images) {
  Dense patches(window.patch(), images.cols * window.places());
  for (Index m = 0; m < images.cols; ++m)
    for_inputs(window, [&](Index output, Index in_patch, Index input) {
      patches(in_patch, m * window.places() + output / window.input.channels) = images(input, m);
    });
  return patches;
}

inline void fold(const Window& window, const Dense& patches, Dense& images) {
  for (Index m = 0; m < images.cols; ++m)
    for_inputs(window, [&](Index output, Index in_patch, Index input) {
      images(input, m) += patches(in_patch, m * window.places() + output / window.input.channels);
    });
}

inline Dense max_pool(const Window& window, const Dense& x) {
  Dense y(window.places() * window.input.channels, x.cols, -std::numeric_limits<double>::infinity());
  for (Index m = 0; m < x.cols; ++m)
    for_inputs(window, [&](Index output, Index, Index input) { y(output, m) = std::max(y(output, m), x(input, m)); });
  return y;
}

/// dx ← dx + dy, each to the first of the largest inputs.
inline void max_pool_backward(const Window& window, const Dense& x, const Dense& dy, Dense& dx) {
  const Dense y = max_pool(window, x);
  for (Index m = 0; m < x.cols; ++m) {
    std::vector<bool> given(static_cast<std::size_t>(y.rows));
    for_inputs(window, [&](Index output, Index, Index input) {
      if (x(input, m) != y(output, m) || given[static_cast<std::size_t>(output)]) return;
      dx(input, m) += dy(output, m);
      given[static_cast<std::size_t>(output)] = true;
    });
  }
}

inline Dense mean_pool(const Window& window, const Dense& x) {
  Dense y(window.places() * window.input.channels, x.cols);
  Dense count(y.rows, 1);
  for_inputs(window, [&](Index output, Index, Index) { count(output, 0) += 1; });
  for (Index m = 0; m < x.cols; ++m)
    for_inputs(window, [&](Index output, Index, Index input) { y(output, m) += x(input, m) / count(output, 0); });
  return y;
}

}  // namespace sibp::naive
