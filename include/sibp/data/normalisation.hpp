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
  none,      ///< pixel / 255
  mean,      ///< (pixel − mean of the feature) / 255
  standard,  ///< (pixel − mean of the feature) / standard deviation of the feature
  channel,   ///< (pixel − mean of the channel) / standard deviation of the channel, over all pixels
};

/// "none", "mean", "standard" or "channel". Throws Error (usage) for another name.
NormalisationKind normalisation_from_name(std::string_view name);
std::string_view name_of(NormalisationKind kind);

/// Sums of pixels and of their squares, per feature, over training samples. Integers: equal for any dealing of the
/// samples to ranks, once they are added up over ranks.
struct PixelSums {
  std::vector<std::uint64_t> sum;
  std::vector<std::uint64_t> sum_of_squares;
  std::uint64_t samples = 0;
  TensorShape shape = {};  ///< of a sample
};

/// The sums over the given samples. Local.
PixelSums pixel_sums(const Samples& samples);

/// What is done to a pixel byte of each feature: x = scale · (byte − shift). Both have one element per feature.
struct Normalisation {
  NormalisationKind kind = NormalisationKind::none;
  std::vector<Real> shift;
  std::vector<Real> scale;
  TensorShape shape = {};  ///< of the samples, whose features these are
};

/// The normalisation from the sums over all training samples. A feature that never varies gets scale 1/255 under
/// `standard`, and so does a channel under `channel`. A sample that is no picture has a channel for each feature.
Normalisation make_normalisation(NormalisationKind kind, const PixelSums& of_features);

}  // namespace sibp
