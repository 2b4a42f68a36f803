#pragma once

#include "sibp/core/matrix_view.hpp"

#include <algorithm>
#include <functional>
#include <memory>

namespace sibp {

/// Owns a rows × cols column-major matrix without gaps in one device's memory. Made by Device::allocate; moves, never
/// copies.
class Matrix {
 public:
  using Release = std::function<void(Real*)>;

  Matrix() = default;
  /// Takes `data`, room for rows · cols elements, and gives it back through `release`.
  Matrix(Real* data, Index rows, Index cols, Release release);

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return cols_; }
  [[nodiscard]] Index size() const { return rows_ * cols_; }

  [[nodiscard]] MatrixView view() { return {data_.get(), rows_, cols_, std::max<Index>(rows_, 1)}; }
  [[nodiscard]] ConstMatrixView view() const { return {data_.get(), rows_, cols_, std::max<Index>(rows_, 1)}; }
  /// A contiguous n_rows × n_cols matrix in the first n_rows · n_cols elements, for workspaces of varying shape.
  [[nodiscard]] MatrixView reshaped(Index n_rows, Index n_cols);

 private:
  std::unique_ptr<Real, Release> data_;
  Index rows_ = 0;
  Index cols_ = 0;
};

}  // namespace sibp
