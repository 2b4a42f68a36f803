#include "device/cuda_data_term.hpp"

#include "sibp/core/error.hpp"

#include "device/cuda_device.hpp"

#include <algorithm>

namespace sibp::cuda {
namespace {

/// `array` with room for a matrix in double.
work::Doubles room_for(DeviceArray<double>& array, Index rows, Index cols) {
  return {array.reserve(static_cast<std::size_t>(rows * cols)), rows};
}

}  // namespace

void CudaDataTerm::start(Activation activation, ConstMatrixView weights, ConstMatrixView features, double eta,
                         ConstMatrixView difference) {
  activation_ = activation;
  rows_ = weights.rows;
  cols_ = features.cols;
  require(weights.cols == features.rows, "data term: weights and features do not fit");
  require_shape(difference);
  if (is_empty()) return;
  const work::Doubles left = room_for(left_, weights.rows, weights.cols);
  const work::Doubles right = room_for(right_, features.rows, features.cols);
  const work::Doubles product = room_for(g_, rows_, cols_);
  const work::Doubles target = room_for(t_, rows_, cols_);
  for_each_element(device_.stream(), weights.rows, weights.cols, work::Widen{weights, left});
  for_each_element(device_.stream(), features.rows, features.cols, work::Widen{features, right});
  const double one = 1;
  const double zero = 0;
  check(cublasDgemm(device_.blas(), CUBLAS_OP_N, CUBLAS_OP_N, checked_int(rows_), checked_int(cols_),
                    checked_int(weights.cols), &one, left.data, checked_int(left.rows), right.data,
                    checked_int(right.rows), &zero, product.data, checked_int(product.rows)),
        "cublasDgemm");
  for_each_element(device_.stream(), rows_, cols_, work::StartTarget{activation, product, eta, difference, target});
}

void CudaDataTerm::residual_delta(MatrixView r) {
  require_shape(r);
  if (!is_empty()) for_each_element(device_.stream(), rows_, cols_, work::MaskedResidual{activation_, g(), t(), r});
}

void CudaDataTerm::changes(ConstMatrixView h, std::span<const double> steps, std::span<double> changes) {
  require_shape(h);
  require(steps.size() == changes.size(), "data term: one change per step is needed");
  std::ranges::fill(changes, 0.0);
  if (is_empty()) return;
  for (std::size_t first = 0; first < steps.size(); first += most_sums) {
    const std::size_t count = std::min<std::size_t>(most_sums, steps.size() - first);
    work::ChangeTerm term{activation_, g(), t(), h, {}};
    std::ranges::copy(steps.subspan(first, count), term.steps);
    std::ranges::copy(device_.sums_of(h, static_cast<Index>(count), term), changes.subspan(first, count).begin());
  }
}

void CudaDataTerm::move(double t, ConstMatrixView h) {
  require_shape(h);
  if (!is_empty()) for_each_element(device_.stream(), rows_, cols_, work::MoveAlong{g(), t, h});
}

void CudaDataTerm::require_shape(ConstMatrixView a) const {
  require(a.rows == rows_ && a.cols == cols_, "data term: a matrix must have a row per output and a column per sample");
}

}  // namespace sibp::cuda
