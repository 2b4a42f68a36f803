#pragma once

#include "sibp/core/matrix_view.hpp"

#include <functional>

namespace sibp {

/// The columns x and y of a sum over samples, Σ x yᵀ = X Yᵀ, block by block: X and Y need not be in memory as a whole.
struct ColumnSource {
  using Visit = std::function<void(ConstMatrixView x, ConstMatrixView y)>;

  /// Calls its argument for every block, with as many columns of X as of Y, always in the same order; the views are
  /// valid during the call only.
  std::function<void(const Visit&)> for_each;
  Index per_sample = 1;  ///< columns at most of each sample
  /// part ← alpha X Yᵀ of all columns; empty where the blocks are the only way.
  std::function<void(Real alpha, MatrixView part)> product{};
};

class Device;

/// part ← alpha X Yᵀ of one rank's columns; alpha = 0 makes zeros of anything. Local.
void multiply(Device& device, Real alpha, const ColumnSource& source, MatrixView part);
/// Lower triangle of a ← X Xᵀ of one rank's columns. Local.
void form_triangle(Device& device, const ColumnSource& source, MatrixView a);

}  // namespace sibp
