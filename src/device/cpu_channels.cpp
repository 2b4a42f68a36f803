// Channels lie side by side: loops run over several pixels' channels at once, in pieces that fill registers even where
// there are few channels.
#include "device/cpu_channels.hpp"

#include "device/channel_work.hpp"
#include "device/cpu_activation.hpp"
#include "device/cpu_loops.hpp"

#include <algorithm>
#include <vector>

namespace sibp::cpu {
namespace {

constexpr Index shortest_row = 256;

/// Elements of a row: the channels of as few pixels as make `shortest_row`.
Index row_size(Index channels) {
  return (shortest_row + channels - 1) / channels * channels;
}

/// Sums over pixels that lie one after the other. The order of the additions depends on the place of a pixel in its
/// run alone.
class Sums {
 public:
  explicit Sums(Index channels)
      : channels_(channels),
        row_(row_size(channels)),
        of_x_(static_cast<std::size_t>(row_)),
        of_products_(static_cast<std::size_t>(row_)) {}

  void add_run(const Real* x, const Real* z, Index size) {
    constexpr Index rows = 4;  // at once, so that the sums are loaded and stored less often
    Index first = 0;
    for (; first + rows * row_ <= size; first += rows * row_) add_rows(x + first, z + first);
    for (; first < size; first += row_) add_row(x + first, z + first, std::min(row_, size - first));
  }

  /// Puts the sums of the runs into place and begins anew.
  void take(double* sums) {
    std::fill_n(sums, 2 * channels_, 0.0);
    for (Index first = 0; first < row_; first += channels_) {
      for (Index c = 0; c < channels_; ++c) {
        sums[c] += of_x_[static_cast<std::size_t>(first + c)];
        sums[channels_ + c] += of_products_[static_cast<std::size_t>(first + c)];
      }
    }
    std::ranges::fill(of_x_, 0.0);
    std::ranges::fill(of_products_, 0.0);
  }

 private:
  void add_rows(const Real* x, const Real* z) {
    double* of_x = of_x_.data();
    double* of_products = of_products_.data();
    const Index row = row_;
    for (Index k = 0; k < row; ++k) {
      const double x0 = x[k];
      const double x1 = x[k + row];
      const double x2 = x[k + 2 * row];
      const double x3 = x[k + 3 * row];
      of_x[k] += (x0 + x1) + (x2 + x3);
      of_products[k] += (x0 * z[k] + x1 * z[k + row]) + (x2 * z[k + 2 * row] + x3 * z[k + 3 * row]);
    }
  }

  void add_row(const Real* x, const Real* z, Index size) {
    for (Index k = 0; k < size; ++k) {
      const double value = x[k];
      of_x_[static_cast<std::size_t>(k)] += value;
      of_products_[static_cast<std::size_t>(k)] += value * z[k];
    }
  }

  Index channels_;
  Index row_;
  std::vector<double> of_x_;
  std::vector<double> of_products_;
};

/// Coefficients of the elements of a row: those of its pixels, repeated.
class RowCoefficients {
 public:
  RowCoefficients(Index channels, const ChannelCoefficients& coefficients)
      : channels_(channels), row_(row_size(channels)), given_(coefficients) {
    for (std::vector<Real>* values : {&a_, &b_, &c_}) values->resize(static_cast<std::size_t>(row_));
  }

  /// Turns to those of a sample, of which all may have the same.
  void set_sample(Index sample) {
    const bool per_sample = static_cast<Index>(given_.of_x.size()) > channels_;
    if (!per_sample && sample > 0) return;
    const auto first = static_cast<std::size_t>(per_sample ? sample * channels_ : 0);
    const auto repeat = [&](std::span<const double> from, std::vector<Real>& to) {
      if (from.empty()) return;
      for (std::size_t k = 0; k < to.size(); ++k)
        to[k] = static_cast<Real>(from[first + k % static_cast<std::size_t>(channels_)]);
    };
    repeat(given_.of_x, a_);
    repeat(given_.of_z, b_);
    repeat(given_.constant, c_);
  }

  [[nodiscard]] Index row() const { return row_; }
  [[nodiscard]] const Real* a() const { return a_.data(); }
  [[nodiscard]] const Real* b() const { return b_.data(); }
  [[nodiscard]] const Real* c() const { return c_.data(); }

 private:
  Index channels_;
  Index row_;
  const ChannelCoefficients& given_;
  std::vector<Real> a_, b_, c_;
};

/// One row of the operands.
struct Row {
  const Real* x;
  const Real* z;  ///< null if there is none
  Real* y;
  Index size;
};

/// y ← σ(a x + b z + c) + beta y
template <bool has_z, bool adds, class Sigma>
void combine_row(const RowCoefficients& of, const Row& row, Real beta, Sigma sigma) {
  const auto [x, z, y, size] = row;
  for_each_index(size, [=, a = of.a(), b = of.b(), c = of.c()](Index k) {
    Real sum = a[k] * x[k] + c[k];
    if constexpr (has_z) sum += b[k] * z[k];
    const Real output = sigma(sum);
    y[k] = adds ? output + beta * y[k] : output;
  });
}

template <class Sigma>
void combine_row(const RowCoefficients& of, const Row& row, Real beta, Sigma sigma) {
  if (row.z != nullptr) {
    beta == Real(0) ? combine_row<true, false>(of, row, beta, sigma) : combine_row<true, true>(of, row, beta, sigma);
  } else {
    beta == Real(0) ? combine_row<false, false>(of, row, beta, sigma) : combine_row<false, true>(of, row, beta, sigma);
  }
}

/// The same for activations that Eigen computes for a register at a time.
void combine_smooth_row(const RowCoefficients& of, const Row& row, Real beta, Activation activation,
                        std::vector<Real>& outputs) {
  outputs.resize(static_cast<std::size_t>(row.size));
  combine_row(of, {row.x, row.z, outputs.data(), row.size}, 0, work::Identity());
  activate_array(activation, Eigen::Map<Eigen::Array<Real, Eigen::Dynamic, 1>>(outputs.data(), row.size));
  for_each_index(row.size, [=, output = outputs.data()](Index k) {
    row.y[k] = beta == Real(0) ? output[k] : output[k] + beta * row.y[k];
  });
}

}  // namespace

void channel_sums(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums) {
  Sums running(channels);
  const bool per_sample = static_cast<Index>(sums.size()) > 2 * channels;
  if (!per_sample && x.contiguous() && z.contiguous()) {
    running.add_run(x.data, z.data, x.size());
    running.take(sums.data());
    return;
  }
  for (Index m = 0; m < x.cols; ++m) {
    running.add_run(&x(0, m), &z(0, m), x.rows);
    if (per_sample) running.take(sums.data() + 2 * channels * m);
  }
  if (!per_sample) running.take(sums.data());
}

void combine_channels(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x, ConstMatrixView z,
                      Activation activation, Real beta, MatrixView y) {
  RowCoefficients of(channels, coefficients);
  std::vector<Real> outputs;
  for (Index m = 0; m < x.cols; ++m) {
    of.set_sample(m);
    for (Index first = 0; first < x.rows; first += of.row()) {
      const Row row{&x(first, m), z.data == nullptr ? nullptr : &z(first, m), &y(first, m),
                    std::min(of.row(), x.rows - first)};
      switch (activation) {
        case Activation::identity:
          combine_row(of, row, beta, work::Identity());
          break;
        case Activation::relu:
          combine_row(of, row, beta, work::Relu());
          break;
        case Activation::leaky_relu:
          combine_row(of, row, beta, work::LeakyRelu());
          break;
        default:
          combine_smooth_row(of, row, beta, activation, outputs);
      }
    }
  }
}

void dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y) {
  for_each_element(x.rows, x.cols, work::Dropout(rate, keys.data(), x, y));
}

}  // namespace sibp::cpu
