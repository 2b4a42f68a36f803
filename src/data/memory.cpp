#include "sibp/data/memory.hpp"

#include "sibp/core/error.hpp"
#include "sibp/data/dataset_kinds.hpp"

#include "data/sample_indices.hpp"

#include <utility>

namespace sibp {
namespace {

class MemorySource final : public SampleSource {
 public:
  explicit MemorySource(Samples samples) : samples_(std::move(samples)) {}

  [[nodiscard]] Index size() const override { return samples_.size(); }
  [[nodiscard]] TensorShape shape() const override { return samples_.shape; }
  [[nodiscard]] FeatureType type() const override { return samples_.type; }

  [[nodiscard]] Samples read(std::span<const Index> indices) const override {
    check_sample_indices(indices, size());
    Samples chosen;
    chosen.shape = shape();
    chosen.type = type();
    for (const Index j : indices) {
      const auto sample = samples_.sample(j);
      chosen.pixels.insert(chosen.pixels.end(), sample.begin(), sample.end());
      chosen.labels.push_back(samples_.labels[static_cast<std::size_t>(j)]);
    }
    return chosen;
  }

 private:
  Samples samples_;
};

Dataset refuse_memory(const DatasetOptions&) {
  throw_usage_error("`dataset`: found memory, whose samples only a program that uses the library has; name another");
}

}  // namespace

extern const DatasetKind memory_dataset{
    .name = memory_name, .help = "samples of a program that uses the library", .open = refuse_memory};

std::unique_ptr<SampleSource> make_memory_source(Samples samples) {
  return std::make_unique<MemorySource>(std::move(samples));
}

}  // namespace sibp
