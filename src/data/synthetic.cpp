#include "data/synthetic.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/random.hpp"
#include "sibp/data/dataset_kinds.hpp"

#include "data/sample_indices.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <fmt/format.h>

namespace sibp {
namespace {

constexpr double middle = 128;
constexpr double noise_deviation = 32;
constexpr double separation = 6;  // distance between prototypes over noise_deviation

// Boost's distributions, not the standard library's, whose results differ between implementations.
using Normal = boost::random::normal_distribution<double>;

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

class SyntheticSource final : public SampleSource {
 public:
  SyntheticSource(Index samples, const TensorShape& shape, Index classes, std::uint64_t seed, SyntheticSplit split)
      : samples_(samples), shape_(shape), classes_(classes), seed_(seed), split_(split) {
    // ‖p − q‖² of two prototypes is 2 · features · deviation² on average.
    const double deviation = separation * noise_deviation / std::sqrt(2 * static_cast<double>(features()));
    auto random = random_stream(seed, Stream::synthetic);
    Normal normal(middle, deviation);
    prototypes_.resize(static_cast<std::size_t>(features() * classes));
    for (double& value : prototypes_) value = normal(random);
  }

  [[nodiscard]] Index size() const override { return samples_; }
  [[nodiscard]] TensorShape shape() const override { return shape_; }

  [[nodiscard]] Samples read(std::span<const Index> indices) const override {
    check_sample_indices(indices, samples_);
    Samples samples;
    samples.shape = shape_;
    samples.pixels.reserve(indices.size() * static_cast<std::size_t>(features()));
    for (const Index j : indices) append_sample(j, samples);
    return samples;
  }

 private:
  void append_sample(Index j, Samples& samples) const {
    auto random =
        random_stream(seed_, Stream::synthetic, static_cast<std::uint64_t>(split_), static_cast<std::uint64_t>(j));
    const Index label = boost::random::uniform_int_distribution<Index>(0, classes_ - 1)(random);
    samples.labels.push_back(static_cast<std::int32_t>(label));
    Normal noise(0, noise_deviation);
    const auto* prototype = prototypes_.data() + label * features();
    for (Index i = 0; i < features(); ++i) samples.pixels.push_back(to_byte(prototype[i] + noise(random)));
  }

  Index samples_;
  TensorShape shape_;
  Index classes_;
  std::uint64_t seed_;
  SyntheticSplit split_;
  std::vector<double> prototypes_;  ///< features × classes
};

Dataset open_synthetic(const DatasetOptions& options) {
  const auto check = [](std::string_view option, Index value, Index least, Index most) {
    if (value >= least && value <= most) return;
    throw_usage_error(fmt::format("{} is {}, expected {} to {}", option, value, least, most));
  };
  check("`synthetic_samples`", options.synthetic_samples, 1, 1'000'000'000);
  const TensorShape shape = options.synthetic_shape.value_or(TensorShape{1, 1, options.synthetic_features});
  check(options.synthetic_shape ? "the size of `synthetic_shape`" : "`synthetic_features`", shape.size(), 1, 1'000'000);
  check("`synthetic_classes`", options.synthetic_classes, 2, 10'000);
  const auto make = [&](Index samples, SyntheticSplit split) {
    return make_synthetic_source(samples, shape, options.synthetic_classes, options.seed, split);
  };
  Dataset dataset;
  dataset.classes = options.synthetic_classes;
  dataset.training = make(options.synthetic_samples, SyntheticSplit::training);
  dataset.test = make(std::max<Index>(options.synthetic_samples / 5, 1), SyntheticSplit::test);
  return dataset;
}

}  // namespace

std::unique_ptr<SampleSource> make_synthetic_source(Index samples, const TensorShape& shape, Index classes,
                                                    std::uint64_t seed, SyntheticSplit split) {
  return std::make_unique<SyntheticSource>(samples, shape, classes, seed, split);
}

extern const DatasetKind synthetic_dataset{
    .name = "synthetic", .help = "made from the seed", .is_described = true, .open = open_synthetic};

}  // namespace sibp
