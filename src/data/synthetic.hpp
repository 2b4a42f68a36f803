#pragma once

#include "sibp/data/dataset.hpp"

#include <cstdint>
#include <memory>

namespace sibp {

enum class SyntheticSplit : std::uint64_t { training = 1, test = 2 };

/// Random classes: a sample is its class's prototype plus noise, as bytes. The prototypes depend on the seed, a sample
/// on (seed, split, index) only, so that each rank makes its own. The distance between two prototypes is about 6
/// standard deviations of the noise for any number of features: a linear network gets nearly all samples right, a
/// constant none.
std::unique_ptr<SampleSource> make_synthetic_source(Index samples, const TensorShape& shape, Index classes,
                                                    std::uint64_t seed, SyntheticSplit split);

}  // namespace sibp
