#pragma once

#include "sibp/core/error.hpp"
#include "sibp/core/types.hpp"

namespace sibp {

/// A read-only rows × cols matrix in a device's memory, column-major: element (r, c) lies at data[r + c * stride].
/// Does not own the memory. Column j is sample j wherever columns are samples.
struct ConstMatrixView {
  const Real* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 1;  ///< leading dimension, at least max(rows, 1)

  [[nodiscard]] Index size() const { return rows * cols; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool contiguous() const { return stride == rows || cols <= 1 || rows == 0; }
  [[nodiscard]] constexpr const Real& operator()(Index r, Index c) const { return data[r + c * stride]; }

  /// The n_rows × n_cols block whose first element is (first_row, first_col).
  [[nodiscard]] ConstMatrixView block(Index first_row, Index first_col, Index n_rows, Index n_cols) const {
    require(first_row >= 0 && first_col >= 0 && n_rows >= 0 && n_cols >= 0 && first_row + n_rows <= rows &&
                first_col + n_cols <= cols,
            "block reaches beyond its matrix");
    return {data + first_row + first_col * stride, n_rows, n_cols, stride};
  }
  [[nodiscard]] ConstMatrixView top_rows(Index n) const { return block(0, 0, n, cols); }
  [[nodiscard]] ConstMatrixView left_cols(Index n) const { return block(0, 0, rows, n); }
};

/// A writable matrix in a device's memory; otherwise as ConstMatrixView.
struct MatrixView {
  Real* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 1;

  // NOLINTNEXTLINE(google-explicit-constructor): a writable view is a read-only one
  operator ConstMatrixView() const { return {data, rows, cols, stride}; }

  [[nodiscard]] Index size() const { return rows * cols; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool contiguous() const { return stride == rows || cols <= 1 || rows == 0; }
  [[nodiscard]] constexpr Real& operator()(Index r, Index c) const { return data[r + c * stride]; }

  [[nodiscard]] MatrixView block(Index first_row, Index first_col, Index n_rows, Index n_cols) const {
    const ConstMatrixView part = ConstMatrixView(*this).block(first_row, first_col, n_rows, n_cols);
    return {data + (part.data - data), n_rows, n_cols, stride};
  }
  [[nodiscard]] MatrixView top_rows(Index n) const { return block(0, 0, n, cols); }
  [[nodiscard]] MatrixView left_cols(Index n) const { return block(0, 0, rows, n); }
};

}  // namespace sibp
