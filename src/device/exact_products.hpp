#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/device.hpp"

#include <cstdint>
#include <span>
#include <vector>

/// Products without rounding of their sums: equal bit for bit in any order of the additions, for any number of threads,
/// and whatever the other columns are. Every line of an operand, a row of the left one and a column of the right, is
/// rounded to multiples of a power of two, so coarse that all partial sums of the products are whole multiples below
/// 2^53 of one number: a double holds each of them.
namespace sibp::exact {

/// Which lines of a matrix are multiplied with those of another.
enum class Lines { rows, columns };

/// The bits that elements of both operands may have where `terms` of their products are summed: 21 for 1000 terms. A
/// float has 24.
int bits_for(Index terms);

/// An operand alpha x, its lines rounded. Keeps its memory from use to use.
class Operand {
 public:
  /// The exponents of the lines of alpha x, |alpha x| < 2^e, until the next call. Where lines go on in other matrices,
  /// on other ranks, they are to be replaced by the largest of all. x stays as it is until round(). alpha = 0 makes
  /// zeros of anything.
  std::span<std::int32_t> measure(Lines lines, Real alpha, ConstMatrixView x);
  /// alpha x rounded, in the shape of x and without gaps, until the next call. A line that is not finite is NaN.
  const double* round(int bits);

 private:
  void find_row_maxima();
  void find_column_maxima();

  Lines lines_ = Lines::rows;
  Real alpha_ = 1;
  ConstMatrixView x_;
  std::vector<Real> maxima_;  ///< magnitudes, by line; NaN is the largest
  std::vector<std::int32_t> exponents_;
  std::vector<double> rounders_;  ///< by line: what makes its grid when it is added and taken away again
  std::vector<double> rounded_;
};

/// value rounded to multiples of 2^-30, so that sums below 2^23 of such values are exact.
double on_grid_of_losses(double value);

}  // namespace sibp::exact
