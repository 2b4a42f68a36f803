// What own kernels do for networks on the GPU device.
#include "device/channel_work.hpp"
#include "device/cuda_device.hpp"
#include "device/window_work.hpp"

#include <algorithm>

namespace sibp::cuda {

void CudaDevice::do_activate(Activation activation, MatrixView f) {
  for_each_element(stream(), f.rows, f.cols, work::Activate{activation, f});
}

void CudaDevice::do_apply_derivative(Activation activation, ConstMatrixView known, ConstMatrixView d, MatrixView s) {
  for_each_element(stream(), s.rows, s.cols, work::ApplyDerivative{activation, known, d, s});
}

void CudaDevice::do_unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches) {
  for_each_element(stream(), patches.rows, patches.cols, work::Unfold{window, images, first, patches});
}

void CudaDevice::do_fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images) {
  const Index samples = (first + patches.cols - 1) / window.places() - first / window.places() + 1;
  for_each_element(stream(), images.rows, samples, work::Fold{window, patches, first, images});
}

void CudaDevice::do_max_pool(const Window& window, ConstMatrixView x, MatrixView y) {
  for_each_element(stream(), y.rows, y.cols, work::MaxPool{window, x, y});
}

void CudaDevice::do_max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y, ConstMatrixView dy,
                                      Real beta, MatrixView dx) {
  for_each_element(stream(), dx.rows, dx.cols, work::MaxPoolBackward{window, x, y, dy, beta, dx});
}

void CudaDevice::do_mean_pool(const Window& window, ConstMatrixView x, MatrixView y) {
  for_each_element(stream(), y.rows, y.cols, work::MeanPool{window, x, y});
}

void CudaDevice::do_mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx) {
  for_each_element(stream(), dx.rows, dx.cols, work::MeanPoolBackward{window, dy, beta, dx});
}

void CudaDevice::do_channel_sums(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums) {
  double* on_host = free_row_numbers(sums.size());
  if (static_cast<Index>(sums.size()) > 2 * channels) {
    sum_channels(stream(), work::ChannelSums{channels, x, z, x.cols, on_host});
  } else {
    const Index parts = std::min(x.cols, most_channel_parts);
    double* of_parts = row_factors_.reserve(sums.size() * static_cast<std::size_t>(parts));
    sum_channels(stream(), work::ChannelSums{channels, x, z, parts, of_parts});
    for_each_element(stream(), 2 * channels, 1, work::AddParts{of_parts, parts, 2 * channels, on_host});
  }
  wait();
  std::copy_n(on_host, sums.size(), sums.begin());
}

void CudaDevice::do_combine_channels(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x,
                                     ConstMatrixView z, Activation activation, Real beta, MatrixView y) {
  const std::size_t size = coefficients.of_x.size();
  const double* of_x = send_numbers({coefficients.of_x, coefficients.constant, coefficients.of_z});
  const double* constant = of_x + size;
  const double* of_z = constant + size;
  const Index sample_step = static_cast<Index>(size) > channels ? channels : 0;
  for_each_element(stream(), y.rows, y.cols,
                   work::CombineChannels{channels, of_x, of_z, constant, sample_step, x, z, activation, beta, y});
}

void CudaDevice::do_dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y) {
  wait();  // the last keys may be on their way still
  std::ranges::copy(keys, sent_keys_.reserve(keys.size()));
  std::uint64_t* on_gpu = keys_.reserve(keys.size());
  check(cudaMemcpyAsync(on_gpu, sent_keys_.data(), keys.size_bytes(), cudaMemcpyHostToDevice, stream()),
        "cudaMemcpyAsync");
  for_each_element(stream(), y.rows, y.cols, work::Dropout(rate, on_gpu, x, y));
}

void CudaDevice::do_softmax_cross_entropy(ConstMatrixView f, const std::int32_t* labels, double smoothing,
                                          MatrixView d) {
  for_each_column(stream(), f.cols, work::SoftmaxCrossEntropy{f, labels, smoothing, d}, partials_.data(),
                  losses_.data());
}

void CudaDevice::do_squared_error(ConstMatrixView f, const std::int32_t* labels, MatrixView d) {
  for_each_column(stream(), f.cols, work::SquaredError{f, labels, d}, partials_.data(), losses_.data());
}

LossSums CudaDevice::do_take_loss_sums() {
  double* on_host = results_.data()->loss_and_right;
  constexpr std::size_t bytes = sizeof(Results::loss_and_right);
  check(cudaMemcpyAsync(on_host, losses_.data(), bytes, cudaMemcpyDeviceToHost, stream()), "cudaMemcpyAsync");
  check(cudaMemsetAsync(losses_.data(), 0, bytes, stream()), "cudaMemsetAsync");
  wait();
  return {on_host[0], static_cast<Index>(on_host[1])};
}

void CudaDevice::do_softmax(MatrixView f) {
  // Adds nothing to the sums of the loss.
  for_each_column(stream(), f.cols, work::Softmax{f}, partials_.data(), losses_.data());
}

}  // namespace sibp::cuda
