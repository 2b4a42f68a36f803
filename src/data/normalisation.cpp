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

/// The sums per channel, whose samples are the pixels.
PixelSums sums_of_channels(const PixelSums& of_features) {
  const TensorShape& shape = of_features.shape;
  require(static_cast<Index>(of_features.sum.size()) == shape.size(), "sums of pixels do not fit their shape");
  const auto channels = static_cast<std::size_t>(shape.channels);
  PixelSums sums{std::vector<std::uint64_t>(channels),
                 std::vector<std::uint64_t>(channels),
                 of_features.samples * static_cast<std::uint64_t>(shape.pixels()),
                 {1, 1, shape.channels}};
  for (std::size_t i = 0; i < of_features.sum.size(); ++i) {
    sums.sum[i % channels] += of_features.sum[i];
    sums.sum_of_squares[i % channels] += of_features.sum_of_squares[i];
  }
  return sums;
}

}  // namespace

NormalisationKind normalisation_from_name(std::string_view name) {
  for (const auto kind :
       {NormalisationKind::none, NormalisationKind::mean, NormalisationKind::standard, NormalisationKind::channel}) {
    if (name == name_of(kind)) return kind;
  }
  throw_usage_error(fmt::format("--normalize is '{}', expected none, mean, standard or channel", name));
}

std::string_view name_of(NormalisationKind kind) {
  switch (kind) {
    case NormalisationKind::none:
      return "none";
    case NormalisationKind::mean:
      return "mean";
    case NormalisationKind::standard:
      return "standard";
    case NormalisationKind::channel:
      return "channel";
  }
  return "none";
}

PixelSums pixel_sums(const Samples& samples) {
  const auto features = static_cast<std::size_t>(samples.features());
  PixelSums sums;
  sums.sum.assign(features, 0);
  sums.sum_of_squares.assign(features, 0);
  sums.samples = static_cast<std::uint64_t>(samples.size());
  sums.shape = samples.shape;
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

Normalisation make_normalisation(NormalisationKind kind, const PixelSums& of_features) {
  require(of_features.samples > 0 && of_features.sum.size() == of_features.sum_of_squares.size(),
          "no samples to normalise by");
  const std::size_t features = of_features.sum.size();
  Normalisation normalisation{kind, std::vector<Real>(features, 0), std::vector<Real>(features, byte_scale),
                              of_features.shape};
  if (kind == NormalisationKind::none) return normalisation;
  const PixelSums sums = kind == NormalisationKind::channel ? sums_of_channels(of_features) : of_features;
  for (std::size_t i = 0; i < features; ++i) {
    const std::size_t k = i % sums.sum.size();  // the channel, or the feature itself
    normalisation.shift[i] = static_cast<Real>(static_cast<double>(sums.sum[k]) / static_cast<double>(sums.samples));
    const double spread = variance(sums.sum[k], sums.sum_of_squares[k], sums.samples);
    if (kind != NormalisationKind::mean && spread > 0)
      normalisation.scale[i] = static_cast<Real>(1 / std::sqrt(spread));
  }
  return normalisation;
}

}  // namespace sibp
