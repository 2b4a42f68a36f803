// Statistics of pixels: right, and the same bits however the samples are dealt to ranks.
#include "sibp/data/normalisation.hpp"

#include "sibp/data/dataset.hpp"

#include "support/files.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace sibp {
namespace {

using testing_support::expect_error;

Samples synthetic_samples(Index first, Index count, Index step) {
  DatasetOptions options;
  options.dataset = "synthetic";
  options.synthetic_features = 5;
  std::vector<Index> indices;
  for (Index j = first; j < count; j += step) indices.push_back(j);
  return open_dataset(options).training->read(indices);
}

void add(const std::vector<std::uint64_t>& from, std::vector<std::uint64_t>& to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

TEST(Normalisation, IsTheSameForAnyDealing) {
  const PixelSums whole = pixel_sums(synthetic_samples(0, 501, 1));
  const Normalisation expected = make_normalisation(NormalisationKind::standard, whole);
  for (const Index ranks : {2, 3, 600}) {
    PixelSums sums = pixel_sums(synthetic_samples(0, 501, ranks));
    for (Index rank = 1; rank < ranks; ++rank) {
      const PixelSums part = pixel_sums(synthetic_samples(rank, 501, ranks));
      add(part.sum, sums.sum);
      add(part.sum_of_squares, sums.sum_of_squares);
      sums.samples += part.samples;
    }
    const Normalisation dealt = make_normalisation(NormalisationKind::standard, sums);
    EXPECT_EQ(dealt.shift, expected.shift);
    EXPECT_EQ(dealt.scale, expected.scale);
  }
}

TEST(Normalisation, StandardGivesMeanZeroAndVarianceOne) {
  const Samples samples = synthetic_samples(0, 500, 1);
  const Normalisation n = make_normalisation(NormalisationKind::standard, pixel_sums(samples));
  for (std::size_t i = 0; i < 5; ++i) {
    double sum = 0;
    double squares = 0;
    for (Index j = 0; j < 500; ++j) {
      const double x = static_cast<double>(n.scale[i]) * (samples.sample(j)[i] - static_cast<double>(n.shift[i]));
      sum += x;
      squares += x * x;
    }
    EXPECT_NEAR(sum / 500, 0, 1e-5);
    EXPECT_NEAR(squares / 500, 1, 1e-5);
  }
}

TEST(Normalisation, KindsAreWhatTheyAreCalled) {
  const Samples samples{{1, 1, 2}, {10, 7, 30, 7}, {0, 1}};
  const PixelSums sums = pixel_sums(samples);
  EXPECT_EQ(sums.sum, (std::vector<std::uint64_t>{40, 14}));
  EXPECT_EQ(sums.sum_of_squares, (std::vector<std::uint64_t>{1000, 98}));
  const Real byte = Real(1) / Real(255);
  const Normalisation none = make_normalisation(NormalisationKind::none, sums);
  EXPECT_EQ(none.shift, (std::vector<Real>{0, 0}));
  EXPECT_EQ(none.scale, (std::vector<Real>{byte, byte}));
  const Normalisation mean = make_normalisation(NormalisationKind::mean, sums);
  EXPECT_EQ(mean.shift, (std::vector<Real>{20, 7}));
  EXPECT_EQ(mean.scale, (std::vector<Real>{byte, byte}));
  const Normalisation standard = make_normalisation(NormalisationKind::standard, sums);
  EXPECT_EQ(standard.shift, (std::vector<Real>{20, 7}));
  EXPECT_NEAR(standard.scale[0], 0.1, 1e-7);
  EXPECT_EQ(standard.scale[1], byte);  // never varies
}

TEST(Normalisation, AChannelHasOneMeanAndOneDeviation) {
  // Two pictures of 1 × 2 pixels and 2 channels: the first has 10, 20, 30, 40 (mean 25, variance 125), the second is 7.
  const Samples samples{{1, 2, 2}, {10, 7, 20, 7, 30, 7, 40, 7}, {0, 1}};
  const Normalisation n = make_normalisation(NormalisationKind::channel, pixel_sums(samples));
  const Real byte = Real(1) / Real(255);
  EXPECT_EQ(n.shape, samples.shape);
  EXPECT_EQ(n.shift, (std::vector<Real>{25, 7, 25, 7}));
  ASSERT_EQ(n.scale.size(), 4);
  EXPECT_NEAR(n.scale[0], 1 / std::sqrt(125.0), 1e-7);
  EXPECT_EQ(n.scale[2], n.scale[0]);
  EXPECT_EQ(n.scale[1], byte);  // never varies
  EXPECT_EQ(n.scale[3], byte);
}

TEST(Normalisation, WithoutAPictureEveryFeatureIsAChannel) {
  const PixelSums sums = pixel_sums(synthetic_samples(0, 300, 1));
  const Normalisation channel = make_normalisation(NormalisationKind::channel, sums);
  const Normalisation standard = make_normalisation(NormalisationKind::standard, sums);
  EXPECT_EQ(channel.shift, standard.shift);
  EXPECT_EQ(channel.scale, standard.scale);
}

/// Floats of sizes from 1e-20 to 1e20, a feature each of ordinary ones, of large and small ones with a mean far from 0,
/// of a constant and of zeros.
Samples samples_of_floats(Index first, Index count, Index step) {
  constexpr std::size_t features = 5;
  Samples samples{.shape = {1, 1, features}, .pixels = {}, .labels = {}, .type = FeatureType::float32};
  for (Index j = first; j < count; j += step) {
    const double x = std::sin(static_cast<double>(j * j));
    const std::array<float, features> values{static_cast<float>(x), static_cast<float>(1e20 * (x + 3)),
                                             static_cast<float>(1e-20 * (x - 3)), -0.1F, 0};
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    samples.pixels.insert(samples.pixels.end(), bytes, bytes + sizeof values);
    samples.labels.push_back(0);
  }
  return samples;
}

TEST(Normalisation, OfFloatsIsThatOfDoubles) {
  const Samples samples = samples_of_floats(0, 500, 1);
  const auto kind = NormalisationKind::standard;
  const Normalisation n = make_normalisation(kind, pixel_sums(samples, exponents_of(samples, kind)));
  EXPECT_EQ(n.type, FeatureType::float32);
  for (std::size_t i = 0; i < 3; ++i) {
    double sum = 0;
    double squares = 0;
    for (Index j = 0; j < samples.size(); ++j) sum += static_cast<double>(samples.floats(j)[i]) / 500;
    for (Index j = 0; j < samples.size(); ++j) squares += std::pow(static_cast<double>(samples.floats(j)[i]) - sum, 2);
    const double deviation = std::sqrt(squares / 500);
    EXPECT_NEAR(static_cast<double>(n.shift[i]), sum, 1e-6 * deviation + 1e-7 * std::abs(sum)) << i;
    EXPECT_NEAR(static_cast<double>(n.scale[i]) * deviation, 1, 1e-6) << i;
  }
  EXPECT_NEAR(n.shift[3], -0.1, 1e-7);
  EXPECT_EQ(n.scale[3], 1);  // never varies
  EXPECT_EQ(n.shift[4], 0);
  EXPECT_EQ(n.scale[4], 1);
  const Normalisation none =
      make_normalisation(NormalisationKind::none, pixel_sums(samples, exponents_of(samples, kind)));
  EXPECT_EQ(none.scale, std::vector<Real>(5, 1));
}

TEST(Normalisation, OfFloatsIsTheSameForAnyDealing) {
  for (const auto kind : {NormalisationKind::standard, NormalisationKind::mean, NormalisationKind::channel}) {
    const Samples whole = samples_of_floats(0, 101, 1);
    const std::vector<std::int32_t> exponents = exponents_of(whole, kind);
    const Normalisation expected = make_normalisation(kind, pixel_sums(whole, exponents));
    for (const Index ranks : {2, 3, 200}) {
      std::vector<std::int32_t> largest(5, std::numeric_limits<std::int32_t>::min());
      PixelSums sums = pixel_sums(samples_of_floats(0, 0, 1), exponents);
      for (Index rank = 0; rank < ranks; ++rank) {
        const Samples part = samples_of_floats(rank, 101, ranks);
        const auto own = exponents_of(part, kind);
        for (std::size_t i = 0; i < largest.size(); ++i) largest[i] = std::max(largest[i], own[i]);
        const PixelSums added = pixel_sums(part, exponents);
        sums.samples += added.samples;
        for (std::size_t i = 0; i < largest.size(); ++i) {
          sums.sum[i] += added.sum[i];
          sums.sum_of_squares[i] += added.sum_of_squares[i];
          sums.upper_squares[i] += added.upper_squares[i];
        }
      }
      EXPECT_EQ(largest, exponents);
      const Normalisation dealt = make_normalisation(kind, sums);
      EXPECT_EQ(dealt.shift, expected.shift);
      EXPECT_EQ(dealt.scale, expected.scale);
    }
  }
}

TEST(Normalisation, AChannelOfFloatsHasOneMeanAndOneDeviation) {
  const std::vector<float> values{1, 1000, 2, 1000, 3, 1000, 4, 1000};  // two pictures of 1 × 2 pixels, 2 channels
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  const Samples samples{{1, 2, 2}, {bytes, bytes + sizeof(float) * values.size()}, {0, 1}, FeatureType::float32};
  const auto kind = NormalisationKind::channel;
  const Normalisation n = make_normalisation(kind, pixel_sums(samples, exponents_of(samples, kind)));
  EXPECT_EQ(n.shift, (std::vector<Real>{2.5, 1000, 2.5, 1000}));
  EXPECT_NEAR(n.scale[0], 1 / std::sqrt(1.25), 1e-7);
  EXPECT_EQ(n.scale[2], n.scale[0]);
  EXPECT_EQ(n.scale[1], 1);
}

TEST(Normalisation, HugeCountsAreExact) {
  // 10⁹ samples, all 255, then one of them 254: n Σx² and (Σx)² are beyond 64 bits.
  constexpr std::uint64_t n = 1'000'000'000;
  const PixelSums constant{{255 * n}, {255 * 255 * n}, n};
  EXPECT_EQ(make_normalisation(NormalisationKind::standard, constant).scale[0], Real(1) / Real(255));
  const PixelSums one_differs{{255 * n - 1}, {255 * 255 * n - 255 * 255 + 254 * 254}, n};
  EXPECT_NEAR(make_normalisation(NormalisationKind::standard, one_differs).scale[0], std::sqrt(1e9), 1);
}

TEST(Normalisation, NamesAreReadBack) {
  for (const auto kind :
       {NormalisationKind::none, NormalisationKind::mean, NormalisationKind::standard, NormalisationKind::channel}) {
    EXPECT_EQ(normalisation_from_name(name_of(kind)), kind);
  }
  expect_error(ExitStatus::usage, {"'max'", "none, mean, standard or channel"}, [] { normalisation_from_name("max"); });
  expect_error(ExitStatus::runtime, {"no samples"}, [] { make_normalisation(NormalisationKind::mean, PixelSums{}); });
}

}  // namespace
}  // namespace sibp
