// What own kernels do for linear algebra and optimisers on the GPU device.
#include "device/cuda_device.hpp"
#include "device/element_operation.hpp"

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

const double* CudaDevice::send_numbers(std::initializer_list<std::span<const double>> lists) {
  std::size_t size = 0;
  for (const auto& list : lists) size += list.size();
  double* on_host = free_row_numbers(size);
  double* on_gpu = row_factors_.reserve(size);
  double* end = on_host;
  for (const auto& list : lists) end = std::ranges::copy(list, end).out;
  check(cudaMemcpyAsync(on_gpu, on_host, size * sizeof(double), cudaMemcpyHostToDevice, stream()), "cudaMemcpyAsync");
  return on_gpu;
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
  const double* factors = send_numbers({alpha, beta});
  for_each_element(stream(), y.rows, y.cols, work::CombineRows{factors, x, factors + rows, y});
}

void CudaDevice::do_apply(const ElementOperation& operation) {
  operation.queue_on(stream());
}

}  // namespace sibp::cuda
