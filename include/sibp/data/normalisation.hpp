#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/samples.hpp"
#include "sibp/device/tensor_shape.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

enum class NormalisationKind {
  none,      ///< byte / 255; a float as it is
  mean,      ///< (byte − mean of the feature) / 255; float − mean of the feature
  standard,  ///< (value − mean of the feature) / standard deviation of the feature
  channel,   ///< (value − mean of the channel) / standard deviation of the channel, over all pixels
};

/// "none", "mean", "standard" or "channel". Throws Error (usage) for another name.
NormalisationKind normalisation_from_name(std::string_view name);
std::string_view name_of(NormalisationKind kind);

/// Per feature the least e with |value| < 2^e for all given samples, the largest integer below for none but zeros; per
/// channel where `kind` takes statistics so. Empty for bytes. Local; the largest of all ranks go into pixel_sums.
std::vector<std::int32_t> exponents_of(const Samples& samples, NormalisationKind kind);

/// Sums of values and of their squares, per feature, over training samples. They are of integers, so they are equal for
/// any dealing of the samples to ranks, once they are added up over ranks: of bytes, or of floats in fixed point, as
/// q = value · 2^(30 − e) + 2^30 rounded.
struct PixelSums {
  std::vector<std::uint64_t> sum;
  std::vector<std::uint64_t> sum_of_squares;  ///< of floats the lower 32 bits of each square
  std::uint64_t samples = 0;
  TensorShape shape = {};                         ///< of a sample
  std::vector<std::uint64_t> upper_squares = {};  ///< of floats the upper bits of each square; of bytes empty
  std::vector<std::int32_t> exponents = {};       ///< e of each feature; of bytes empty
};

/// The sums over the given samples; `exponents` are exponents_of all ranks' samples. Local.
PixelSums pixel_sums(const Samples& samples, std::vector<std::int32_t> exponents = {});

/// What is done to the value of each feature: x = scale · (value − shift). Both have one element per feature.
struct Normalisation {
  NormalisationKind kind = NormalisationKind::none;
  std::vector<Real> shift;
  std::vector<Real> scale;
  TensorShape shape = {};  ///< of the samples, whose features these are
  FeatureType type = FeatureType::byte;
};

/// The normalisation from the sums over all training samples. A feature that never varies gets the scale that
/// `none` gives it under `standard`, and so does a channel under `channel`. A sample that is no picture has a channel
/// for each feature.
Normalisation make_normalisation(NormalisationKind kind, const PixelSums& of_features);

}  // namespace sibp
