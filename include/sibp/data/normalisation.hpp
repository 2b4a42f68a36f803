#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/samples.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

enum class NormalisationKind {
  none,      ///< pixel / 255
  mean,      ///< (pixel − mean of the feature) / 255
  standard,  ///< (pixel − mean of the feature) / standard deviation of the feature
};

/// "none", "mean" or "standard". Throws Error (usage) for another name.
NormalisationKind normalisation_from_name(std::string_view name);
std::string_view name_of(NormalisationKind kind);

/// Sums of pixels and of their squares, per feature, over training samples. Integers: equal for any dealing of the
/// samples to ranks, once they are added up over ranks.
struct PixelSums {
  std::vector<std::uint64_t> sum;
  std::vector<std::uint64_t> sum_of_squares;
  std::uint64_t samples = 0;
};

/// The sums over the given samples. Local.
PixelSums pixel_sums(const Samples& samples);

/// What is done to a pixel byte of each feature: x = scale · (byte − shift). Both have one element per feature.
struct Normalisation {
  NormalisationKind kind = NormalisationKind::none;
  std::vector<Real> shift;
  std::vector<Real> scale;
};

/// The normalisation from the sums over all training samples. A feature that never varies gets scale 1/255 under
/// `standard`.
Normalisation make_normalisation(NormalisationKind kind, const PixelSums& sums);

}  // namespace sibp
