// What own kernels do for the GPU device.
#include "device/cuda_device.hpp"

#include <algorithm>

namespace sibp::cuda {

void CudaDevice::do_fill(MatrixView a, Real value) {
  for_each_element(stream(), a.rows, a.cols, work::Fill{a, value});
}

void CudaDevice::do_scale(Real alpha, MatrixView a) {
  for_each_element(stream(), a.rows, a.cols, work::Scale{alpha, a});
}

void CudaDevice::do_axpy(Real alpha, ConstMatrixView x, MatrixView y) {
  for_each_element(stream(), y.rows, y.cols, work::Axpy{alpha, x, y});
}

void CudaDevice::do_pack_triangle(ConstMatrixView a, Real* packed) {
  for_each_element(stream(), a.rows, a.cols, work::PackTriangle{a, packed});
}

void CudaDevice::do_unpack_triangle(const Real* packed, MatrixView a) {
  for_each_element(stream(), a.rows, a.cols, work::UnpackTriangle{packed, a});
}

double CudaDevice::do_sum_of_squares(ConstMatrixView a) {
  return sums_of(a, 1, work::SquareTerm{a}).front();
}

double CudaDevice::do_inner_product(ConstMatrixView a, ConstMatrixView b) {
  return sums_of(a, 1, work::ProductTerm{a, b}).front();
}

double* CudaDevice::free_row_numbers(std::size_t size) {
  wait();  // the last ones may be on their way still
  return row_numbers_.reserve(size);
}

void CudaDevice::do_row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products) {
  double* on_host = free_row_numbers(products.size());
  row_products(stream(), a, b, on_host);
  wait();
  std::copy_n(on_host, products.size(), products.begin());
}

void CudaDevice::do_combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta,
                                 MatrixView y) {
  const std::size_t rows = alpha.size();
  double* on_host = free_row_numbers(2 * rows);
  double* factors = row_factors_.reserve(2 * rows);
  std::ranges::copy(beta, std::ranges::copy(alpha, on_host).out);
  check(cudaMemcpyAsync(factors, on_host, 2 * rows * sizeof(double), cudaMemcpyHostToDevice, stream()),
        "cudaMemcpyAsync");
  for_each_element(stream(), y.rows, y.cols, work::CombineRows{factors, x, factors + rows, y});
}

void CudaDevice::do_momentum_step(const MomentumStep& step, ConstMatrixView gradient, MatrixView velocity,
                                  MatrixView weights) {
  for_each_element(stream(), weights.rows, weights.cols, work::Momentum(step, gradient, velocity, weights));
}

void CudaDevice::do_adam_step(const AdamStep& step, ConstMatrixView gradient, MatrixView first, MatrixView second,
                              MatrixView weights) {
  for_each_element(stream(), weights.rows, weights.cols, work::Adam(step, gradient, first, second, weights));
}

void CudaDevice::do_activate(Activation activation, MatrixView f) {
  for_each_element(stream(), f.rows, f.cols, work::Activate{activation, f});
}

void CudaDevice::do_apply_derivative(Activation activation, ConstMatrixView f, ConstMatrixView d, MatrixView s) {
  for_each_element(stream(), s.rows, s.cols, work::ApplyDerivative{activation, f, d, s});
}

void CudaDevice::do_softmax_cross_entropy(ConstMatrixView f, const std::int32_t* labels, MatrixView d) {
  for_each_column(stream(), f.cols, work::SoftmaxCrossEntropy{f, labels, d}, partials_.data(), losses_.data());
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
