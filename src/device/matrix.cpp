#include "sibp/device/matrix.hpp"

#include <utility>

namespace sibp {

Matrix::Matrix(Real* data, Index rows, Index cols, Release release)
    : data_(data, std::move(release)), rows_(rows), cols_(cols) {
}

MatrixView Matrix::reshaped(Index n_rows, Index n_cols) {
  require(n_rows >= 0 && n_cols >= 0 && n_rows * n_cols <= size(),
          "a workspace is too small for the shape asked of it");
  return {data_.get(), n_rows, n_cols, std::max<Index>(n_rows, 1)};
}

}  // namespace sibp
