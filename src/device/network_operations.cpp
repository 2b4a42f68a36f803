#include "sibp/device/network_operations.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>

namespace sibp {
namespace {

void require_same_shape(ConstMatrixView a, ConstMatrixView b) {
  require(a.rows == b.rows && a.cols == b.cols, "matrices that must have one shape differ in theirs");
}

void require_beta(Real beta) {
  require(beta == Real(0) || beta == Real(1), "beta must be 0 or 1");
}

void require_window(const Window& window) {
  const TensorShape& input = window.input;
  require(input.height > 0 && input.width > 0 && input.channels > 0, "a window needs pixels and channels");
  require(window.kernel_height > 0 && window.kernel_width > 0 && window.stride > 0 && window.padding >= 0,
          "a window needs a kernel and a stride of at least 1 and a padding of at least 0");
  require(input.height + 2 * window.padding >= window.kernel_height &&
              input.width + 2 * window.padding >= window.kernel_width,
          "a window is larger than its padded input");
}

/// Of x, the input, and y, with an element for every place and channel.
void require_pooling(const Window& window, ConstMatrixView x, ConstMatrixView y) {
  require_window(window);
  require(window.padding < window.kernel_height && window.padding < window.kernel_width,
          "a pooling window must meet the picture in all places: the padding must be smaller than the kernel");
  require(x.rows == window.input.size() && y.rows == window.places() * window.input.channels && x.cols == y.cols,
          "tensors do not fit their pooling window");
}

void require_patches(const Window& window, ConstMatrixView images, Index first, Index patches) {
  require_window(window);
  require(images.rows == window.input.size(), "images do not fit their window");
  require(first >= 0 && first + patches <= images.cols * window.places(), "patches reach beyond the last sample");
}

void require_channels(Index channels, ConstMatrixView x) {
  require(channels > 0 && x.rows % channels == 0, "a tensor does not have that number of channels");
}

}  // namespace

void NetworkOperations::activate(Activation activation, MatrixView f) {
  if (!f.empty() && activation != Activation::identity) do_activate(activation, f);
}

void NetworkOperations::apply_derivative(Activation activation, ConstMatrixView known, ConstMatrixView d,
                                         MatrixView s) {
  require_same_shape(known, d);
  require_same_shape(known, s);
  if (!s.empty()) do_apply_derivative(activation, known, d, s);
}

void NetworkOperations::unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches) {
  require_patches(window, images, first, patches.cols);
  require(patches.rows == window.patch() || patches.rows == window.patch() + 1,
          "unfold: patches do not fit the window");
  if (!patches.empty()) do_unfold(window, images, first, patches);
}

void NetworkOperations::fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images) {
  require_patches(window, images, first, patches.cols);
  require(patches.rows == window.patch(), "fold: patches do not fit the window");
  if (!patches.empty()) do_fold(window, patches, first, images);
}

void NetworkOperations::max_pool(const Window& window, ConstMatrixView x, MatrixView y) {
  require_pooling(window, x, y);
  if (!y.empty()) do_max_pool(window, x, y);
}

void NetworkOperations::max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y,
                                          ConstMatrixView dy, Real beta, MatrixView dx) {
  require_pooling(window, x, y);
  require_same_shape(y, dy);
  require_same_shape(x, dx);
  require_beta(beta);
  if (!dx.empty()) do_max_pool_backward(window, x, y, dy, beta, dx);
}

void NetworkOperations::mean_pool(const Window& window, ConstMatrixView x, MatrixView y) {
  require_pooling(window, x, y);
  if (!y.empty()) do_mean_pool(window, x, y);
}

void NetworkOperations::mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx) {
  require_pooling(window, dx, dy);
  require_beta(beta);
  if (!dx.empty()) do_mean_pool_backward(window, dy, beta, dx);
}

void NetworkOperations::channel_sums(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums) {
  require_channels(channels, x);
  require_same_shape(x, z);
  const auto size = static_cast<Index>(sums.size());
  require(size == 2 * channels || size == 2 * channels * x.cols,
          "channel_sums: two numbers per channel, or per channel and sample, are needed");
  std::ranges::fill(sums, 0.0);
  if (!x.empty()) do_channel_sums(channels, x, z, sums);
}

void NetworkOperations::combine_channels(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x,
                                         ConstMatrixView z, Activation activation, Real beta, MatrixView y) {
  require_channels(channels, x);
  require_same_shape(x, y);
  if (!z.empty()) require_same_shape(x, z);
  const auto size = static_cast<Index>(coefficients.of_x.size());
  require(size == channels || size == channels * x.cols,
          "combine_channels: one number per channel, or per channel and sample, is needed");
  require(coefficients.constant.size() == coefficients.of_x.size() &&
              (z.empty() || coefficients.of_z.size() == coefficients.of_x.size()),
          "combine_channels: coefficients must be of one number");
  if (!y.empty())
    do_combine_channels(channels, coefficients, x, z.empty() ? ConstMatrixView{} : z, activation, beta, y);
}

void NetworkOperations::dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y) {
  require_same_shape(x, y);
  require(rate >= 0 && rate < 1, "dropout: the rate must be at least 0 and below 1");
  require(static_cast<Index>(keys.size()) == x.cols, "dropout: one key per sample is needed");
  if (!y.empty()) do_dropout(rate, keys, x, y);
}

void NetworkOperations::softmax_cross_entropy(ConstMatrixView f, ConstLabelView labels, double smoothing,
                                              MatrixView d) {
  require_same_shape(f, d);
  require(labels.size == f.cols, "softmax_cross_entropy: one label per sample is needed");
  require(smoothing >= 0 && smoothing < 1, "softmax_cross_entropy: the smoothing must be at least 0 and below 1");
  if (!f.empty()) do_softmax_cross_entropy(f, labels.data, smoothing, d);
}

void NetworkOperations::squared_error(ConstMatrixView f, ConstLabelView labels, MatrixView d) {
  require_same_shape(f, d);
  require(labels.size == f.cols, "squared_error: one label per sample is needed");
  if (!f.empty()) do_squared_error(f, labels.data, d);
}

void NetworkOperations::softmax(MatrixView f) {
  if (!f.empty()) do_softmax(f);
}

}  // namespace sibp
