#include "sibp/data/normalisation.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

__extension__ using WideInteger = unsigned __int128;

constexpr Real byte_scale = Real(1) / Real(255);
constexpr int fraction_bits = 30;  // of a float in fixed point
constexpr double zero_point = std::uint64_t(1) << unsigned(fraction_bits);
constexpr std::int32_t only_zeros = std::numeric_limits<std::int32_t>::min();

/// What a float is multiplied by to be in fixed point.
double fixed_point(std::int32_t exponent) {
  return std::ldexp(1.0, fraction_bits - (exponent == only_zeros ? 0 : exponent));
}

/// Variance of n integers from their sum and sum of squares. About the whole part c of the mean:
/// (Σ(q − c)² − r²/n) / n with r = Σ(q − c) = sum mod n; the sums are exact, so a constant gives exactly 0.
double variance(std::uint64_t sum, WideInteger sum_of_squares, std::uint64_t n) {
  const WideInteger c = sum / n;
  const auto r = static_cast<double>(sum % n);
  // Unsigned arithmetic wraps, so the order of the terms does not matter; the result is not negative.
  const auto about_c = static_cast<double>(sum_of_squares - 2 * c * sum + c * c * n);
  return (about_c - r * r / static_cast<double>(n)) / static_cast<double>(n);
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

/// Of the values behind element k of the sums.
Moments moments(const PixelSums& sums, std::size_t k) {
  const auto n = static_cast<double>(sums.samples);
  if (sums.exponents.empty())
    return {static_cast<double>(sums.sum[k]) / n, variance(sums.sum[k], sums.sum_of_squares[k], sums.samples)};
  const double unit = 1 / fixed_point(sums.exponents[k]);
  // The difference is that of integers, so what is constant has exactly its value for a mean.
  const auto about_zero =
      static_cast<std::int64_t>(sums.sum[k] - sums.samples * static_cast<std::uint64_t>(zero_point));
  const WideInteger squares = (WideInteger(sums.upper_squares[k]) << 32U) + sums.sum_of_squares[k];
  return {unit * (static_cast<double>(about_zero) / n), unit * unit * variance(sums.sum[k], squares, sums.samples)};
}

/// of_channel[i mod channels] ← the combination of it and of_feature[i], for every feature.
template <class T, class Combine>
std::vector<T> by_channel(const std::vector<T>& of_feature, std::size_t channels, T start, Combine combine) {
  std::vector<T> of_channel(of_feature.empty() ? 0 : channels, start);
  for (std::size_t i = 0; i < of_feature.size(); ++i)
    of_channel[i % channels] = combine(of_channel[i % channels], of_feature[i]);
  return of_channel;
}

/// The sums per channel, whose samples are the pixels.
PixelSums sums_of_channels(const PixelSums& of_features) {
  const TensorShape& shape = of_features.shape;
  require(static_cast<Index>(of_features.sum.size()) == shape.size(), "sums of pixels do not fit their shape");
  const auto channels = static_cast<std::size_t>(shape.channels);
  const auto added = [&](const std::vector<std::uint64_t>& terms) {
    return by_channel(terms, channels, std::uint64_t(0), std::plus<>());
  };
  const auto largest = [](std::int32_t a, std::int32_t b) { return std::max(a, b); };
  return {added(of_features.sum),
          added(of_features.sum_of_squares),
          of_features.samples * static_cast<std::uint64_t>(shape.pixels()),
          {1, 1, shape.channels},
          added(of_features.upper_squares),
          by_channel(of_features.exponents, channels, only_zeros, largest)};
}

}  // namespace

NormalisationKind normalisation_from_name(std::string_view name) {
  for (const auto kind :
       {NormalisationKind::none, NormalisationKind::mean, NormalisationKind::standard, NormalisationKind::channel}) {
    if (name == name_of(kind)) return kind;
  }
  throw_usage_error(fmt::format("`normalize` is '{}', expected none, mean, standard or channel", name));
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

std::vector<std::int32_t> exponents_of(const Samples& samples, NormalisationKind kind) {
  if (samples.type == FeatureType::byte) return {};
  std::vector<std::int32_t> exponents(static_cast<std::size_t>(samples.features()), only_zeros);
  for (Index j = 0; j < samples.size(); ++j) {
    const auto sample = samples.floats(j);
    for (std::size_t i = 0; i < exponents.size(); ++i)
      if (sample[i] != 0) exponents[i] = std::max(exponents[i], std::ilogb(sample[i]) + 1);
  }
  if (kind != NormalisationKind::channel) return exponents;
  const auto channels = static_cast<std::size_t>(samples.shape.channels);
  const auto of_channel =
      by_channel(exponents, channels, only_zeros, [](std::int32_t a, std::int32_t b) { return std::max(a, b); });
  for (std::size_t i = 0; i < exponents.size(); ++i) exponents[i] = of_channel[i % channels];
  return exponents;
}

namespace {

void add_floats(const Samples& samples, PixelSums& sums) {
  std::vector<double> factors(sums.exponents.size());
  std::ranges::transform(sums.exponents, factors.begin(), fixed_point);
  for (Index j = 0; j < samples.size(); ++j) {
    const auto sample = samples.floats(j);
    for (std::size_t i = 0; i < factors.size(); ++i) {
      const auto q = static_cast<std::uint64_t>(std::llround(static_cast<double>(sample[i]) * factors[i] + zero_point));
      sums.sum[i] += q;
      sums.sum_of_squares[i] += (q * q) & std::numeric_limits<std::uint32_t>::max();
      sums.upper_squares[i] += (q * q) >> 32U;
    }
  }
}

}  // namespace

PixelSums pixel_sums(const Samples& samples, std::vector<std::int32_t> exponents) {
  const auto features = static_cast<std::size_t>(samples.features());
  require(exponents.size() == (samples.type == FeatureType::byte ? 0 : features), "floats need their exponents");
  PixelSums sums;
  sums.sum.assign(features, 0);
  sums.sum_of_squares.assign(features, 0);
  sums.samples = static_cast<std::uint64_t>(samples.size());
  sums.shape = samples.shape;
  sums.upper_squares.assign(exponents.size(), 0);
  sums.exponents = std::move(exponents);
  if (samples.type == FeatureType::float32) {
    add_floats(samples, sums);
    return sums;
  }
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
  const FeatureType type = of_features.exponents.empty() ? FeatureType::byte : FeatureType::float32;
  Normalisation normalisation{kind, std::vector<Real>(features, 0),
                              std::vector<Real>(features, type == FeatureType::byte ? byte_scale : Real(1)),
                              of_features.shape, type};
  if (kind == NormalisationKind::none) return normalisation;
  const PixelSums sums = kind == NormalisationKind::channel ? sums_of_channels(of_features) : of_features;
  for (std::size_t i = 0; i < features; ++i) {
    const std::size_t k = i % sums.sum.size();  // the channel, or the feature itself
    const Moments found = moments(sums, k);
    normalisation.shift[i] = static_cast<Real>(found.mean);
    if (kind != NormalisationKind::mean && found.variance > 0)
      normalisation.scale[i] = static_cast<Real>(1 / std::sqrt(found.variance));
  }
  return normalisation;
}

}  // namespace sibp
