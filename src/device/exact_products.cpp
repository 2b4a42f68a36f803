#include "device/exact_products.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

namespace sibp::exact {
namespace {

constexpr int digits = std::numeric_limits<double>::digits;  // 53

/// Exponents of lines that have no other element than 0, and of those that are not finite.
constexpr std::int32_t of_zeros = -500;
constexpr std::int32_t of_not_finite = std::numeric_limits<std::int32_t>::max();

/// The bits of |value|, which compare as the magnitudes do; those of a NaN are above all.
auto magnitude(Real value) {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;
  return std::bit_cast<Bits>(value) & std::numeric_limits<Bits>::max();
}

Real larger(Real a, Real b) {
  return std::bit_cast<Real>(std::max(magnitude(a), magnitude(b)));
}

std::int32_t exponent_of(double largest) {
  if (!std::isfinite(largest)) return of_not_finite;
  return largest == 0 ? of_zeros : std::max(std::ilogb(largest) + 1, of_zeros);
}

/// Numbers below 2^e lose what is below 2^(e − bits) when 1.5 · 2^(e − bits + 52) is added: the sum has no place for
/// it.
double rounder(std::int32_t exponent, int bits) {
  if (exponent == of_not_finite) return std::numeric_limits<double>::quiet_NaN();
  return std::ldexp(1.5, exponent - bits + digits - 1);
}

double rounded(double value, double rounder) {
  return (value + rounder) - rounder;
}

}  // namespace

int bits_for(Index terms) {
  const auto of_terms = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(std::max<Index>(terms, 1) - 1)));
  return (digits - of_terms) / 2;
}

double on_grid_of_losses(double value) {
  return rounded(value, std::ldexp(1.5, digits - 1 - 30));
}

std::span<std::int32_t> Operand::measure(Lines lines, Real alpha, ConstMatrixView x) {
  lines_ = lines;
  alpha_ = alpha;
  x_ = x;
  maxima_.assign(static_cast<std::size_t>(lines == Lines::rows ? x.rows : x.cols), 0);
  if (alpha != Real(0)) lines == Lines::rows ? find_row_maxima() : find_column_maxima();
  exponents_.resize(maxima_.size());
  for (std::size_t l = 0; l < maxima_.size(); ++l)
    exponents_[l] = exponent_of(std::abs(static_cast<double>(alpha)) * static_cast<double>(maxima_[l]));
  return exponents_;
}

void Operand::find_row_maxima() {
  for (Index c = 0; c < x_.cols; ++c) {
    const Real* column = &x_(0, c);
    for (std::size_t r = 0; r < maxima_.size(); ++r) maxima_[r] = larger(maxima_[r], column[r]);
  }
}

void Operand::find_column_maxima() {
  for (Index c = 0; c < x_.cols; ++c) {
    Real largest = 0;
    for (Index r = 0; r < x_.rows; ++r) largest = larger(largest, x_(r, c));
    maxima_[static_cast<std::size_t>(c)] = largest;
  }
}

const double* Operand::round(int bits) {
  rounders_.resize(exponents_.size());
  std::ranges::transform(exponents_, rounders_.begin(), [&](std::int32_t e) { return rounder(e, bits); });
  rounded_.resize(static_cast<std::size_t>(x_.size()));
  if (alpha_ == Real(0)) {
    std::ranges::fill(rounded_, 0.0);
    return rounded_.data();
  }
  const auto alpha = static_cast<double>(alpha_);
  double* out = rounded_.data();
  for (Index c = 0; c < x_.cols; ++c, out += x_.rows) {
    const Real* column = &x_(0, c);
    if (lines_ == Lines::rows) {
      for (Index r = 0; r < x_.rows; ++r)
        out[r] = rounded(alpha * static_cast<double>(column[r]), rounders_[static_cast<std::size_t>(r)]);
    } else {
      const double of_column = rounders_[static_cast<std::size_t>(c)];
      for (Index r = 0; r < x_.rows; ++r) out[r] = rounded(alpha * static_cast<double>(column[r]), of_column);
    }
  }
  return rounded_.data();
}

}  // namespace sibp::exact
