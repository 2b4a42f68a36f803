#include "sibp/data/normalisation.hpp"

#include "sibp/core/error.hpp"

#include <cmath>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr Real byte_scale = Real(1) / Real(255);

/// Variance of n bytes from their sum and sum of squares. About the whole part c of the mean:
/// (Σ(x − c)² − r²/n) / n with r = Σ(x − c) = sum mod n; the sums are exact, so a constant gives exactly 0.
double variance(std::uint64_t sum, std::uint64_t sum_of_squares, std::uint64_t n) {
  const std::uint64_t c = sum / n;
  const auto r = static_cast<double>(sum % n);
  // Unsigned arithmetic wraps, so the order of the terms does not matter; the result is not negative.
  const auto about_c = static_cast<double>(sum_of_squares - 2 * c * sum + c * c * n);
  return (about_c - r * r / static_cast<double>(n)) / static_cast<double>(n);
}

}  // namespace

NormalisationKind normalisation_from_name(std::string_view name) {
  for (const auto kind : {NormalisationKind::none, NormalisationKind::mean, NormalisationKind::standard}) {
    if (name == name_of(kind)) return kind;
  }
  throw_usage_error(fmt::format("--normalize is '{}', expected none, mean or standard", name));
}

std::string_view name_of(NormalisationKind kind) {
  switch (kind) {
    case NormalisationKind::none:
      return "none";
    case NormalisationKind::mean:
      return "mean";
    case NormalisationKind::standard:
      return "standard";
  }
  return "none";
}

PixelSums pixel_sums(const Samples& samples) {
  const auto features = static_cast<std::size_t>(samples.features);
  PixelSums sums;
  sums.sum.assign(features, 0);
  sums.sum_of_squares.assign(features, 0);
  sums.samples = static_cast<std::uint64_t>(samples.size());
  for (Index j = 0; j < samples.size(); ++j) {
    const auto sample = samples.sample(j);
    for (std::size_t i = 0; i < features; ++i) {
      const std::uint64_t pixel = sample[i];
      sums.sum[i] += pixel;
      sums.sum_of_squares[i] += pixel * pixel;
    }
  }
  return sums;
}

Normalisation make_normalisation(NormalisationKind kind, const PixelSums& sums) {
  require(sums.samples > 0 && sums.sum.size() == sums.sum_of_squares.size(), "no samples to normalise by");
  const std::size_t features = sums.sum.size();
  Normalisation normalisation;
  normalisation.kind = kind;
  normalisation.shift.assign(features, 0);
  normalisation.scale.assign(features, byte_scale);
  if (kind == NormalisationKind::none) return normalisation;
  for (std::size_t i = 0; i < features; ++i) {
    normalisation.shift[i] = static_cast<Real>(static_cast<double>(sums.sum[i]) / static_cast<double>(sums.samples));
    const double spread = variance(sums.sum[i], sums.sum_of_squares[i], sums.samples);
    if (kind == NormalisationKind::standard && spread > 0) {
      normalisation.scale[i] = static_cast<Real>(1 / std::sqrt(spread));
    }
  }
  return normalisation;
}

}  // namespace sibp
