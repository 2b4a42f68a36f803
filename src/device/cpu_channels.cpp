// Channels lie side by side: loops run over rows, the channels of one or several pixels, which fill registers even
// where there are few channels.
#include "device/cpu_channels.hpp"

#include "device/cpu_activation.hpp"
#include "device/cpu_loops.hpp"

#include <algorithm>
#include <array>

namespace sibp::cpu {
namespace {

constexpr Index shortest_row = 256;

/// Elements of a row: the channels of as few pixels as make `shortest_row`.
Index row_size(Index channels) {
  return (shortest_row + channels - 1) / channels * channels;
}

/// to ← coefficients of one pixel, once for every pixel of a row.
void repeat(std::span<const double> of_pixel, Index row, std::vector<Real>& to) {
  to.resize(static_cast<std::size_t>(row));
  for (auto place = to.begin(); place != to.end(); place += std::ssize(of_pixel))
    std::ranges::transform(of_pixel, place, [](double value) { return static_cast<Real>(value); });
}

/// A row of the operands and their coefficients; z is null if there is none.
struct Row {
  Index size;
  const Real* a;
  const Real* x;
  const Real* b;
  const Real* z;
  const Real* c;
  Real* y;
};

/// y ← σ(a x + b z + c) + beta y
template <bool has_z, bool adds, class Sigma>
void combine(const Row& row, Real beta, Sigma sigma) {
  const auto sum = [=](Index k) {
    const Real first = row.a[k] * row.x[k] + row.c[k];
    return has_z ? first + row.b[k] * row.z[k] : first;
  };
  if constexpr (Sigma::is_smooth) {
    constexpr Index piece = shortest_row;
    std::array<Real, piece> outputs;
    for (Index first = 0; first < row.size; first += piece) {
      const Index size = std::min(piece, row.size - first);
      for_each_index(size, [=, to = outputs.data()](Index k) { to[k] = sum(first + k); });
      apply(sigma, outputs.data(), outputs.data(), size);
      for_each_index(size, [=, from = outputs.data(), y = row.y + first](Index k) {
        y[k] = adds ? from[k] + beta * y[k] : from[k];
      });
    }
  } else {
    for_each_index(row.size, [=](Index k) {
      const Real output = sigma(sum(k));
      row.y[k] = adds ? output + beta * row.y[k] : output;
    });
  }
}

template <class Sigma>
void combine(const Row& row, Real beta, Sigma sigma) {
  if (row.z != nullptr) {
    beta == Real(0) ? combine<true, false>(row, beta, sigma) : combine<true, true>(row, beta, sigma);
  } else {
    beta == Real(0) ? combine<false, false>(row, beta, sigma) : combine<false, true>(row, beta, sigma);
  }
}

}  // namespace

void ChannelSums::operator()(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums) {
  row_ = row_size(channels);
  of_x_.assign(static_cast<std::size_t>(row_), 0.0);
  of_products_.assign(static_cast<std::size_t>(row_), 0.0);
  const auto size = static_cast<std::size_t>(2 * channels);
  const bool per_sample = sums.size() > size;
  if (!per_sample && x.contiguous() && z.contiguous()) {
    add_run(x.data, z.data, x.size());
    return take(sums);
  }
  for (Index m = 0; m < x.cols; ++m) {
    add_run(&x(0, m), &z(0, m), x.rows);
    if (per_sample) take(sums.subspan(static_cast<std::size_t>(m) * size, size));
  }
  if (!per_sample) take(sums);
}

/// Adds pixels that lie one after the other: the order of the additions depends on their places in the run alone.
void ChannelSums::add_run(const Real* x, const Real* z, Index size) {
  for (Index first = 0; first < size; first += row_) {
    for_each_index(std::min(row_, size - first), [=, of_x = of_x_.data(), of_products = of_products_.data()](Index k) {
      const auto value = static_cast<double>(x[first + k]);
      of_x[k] += value;
      of_products[k] += value * static_cast<double>(z[first + k]);
    });
  }
}

/// sums ← those of the runs, which begin anew.
void ChannelSums::take(std::span<double> sums) {
  const auto channels = sums.size() / 2;
  for (std::size_t first = 0; first < of_x_.size(); first += channels) {
    for (std::size_t k = 0; k < channels; ++k) {
      sums[k] += of_x_[first + k];
      sums[channels + k] += of_products_[first + k];
    }
  }
  std::ranges::fill(of_x_, 0.0);
  std::ranges::fill(of_products_, 0.0);
}

void CombineChannels::operator()(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x,
                                 ConstMatrixView z, Activation activation, Real beta, MatrixView y) {
  const Index row = row_size(channels);
  const bool per_sample = static_cast<Index>(coefficients.of_x.size()) > channels;
  const auto set_sample = [&](Index m) {
    const auto first = static_cast<std::size_t>(m * channels);
    const auto count = static_cast<std::size_t>(channels);
    repeat(coefficients.of_x.subspan(first, count), row, of_x_);
    if (z.data != nullptr) repeat(coefficients.of_z.subspan(first, count), row, of_z_);
    repeat(coefficients.constant.subspan(first, count), row, constant_);
  };
  work::with_activation(activation, [&](auto sigma) {
    for (Index m = 0; m < x.cols; ++m) {
      if (per_sample || m == 0) set_sample(m);
      for (Index first = 0; first < x.rows; first += row) {
        combine({.size = std::min(row, x.rows - first),
                 .a = of_x_.data(),
                 .x = &x(first, m),
                 .b = of_z_.data(),
                 .z = z.data == nullptr ? nullptr : &z(first, m),
                 .c = constant_.data(),
                 .y = &y(first, m)},
                beta, sigma);
      }
    }
  });
}

}  // namespace sibp::cpu
