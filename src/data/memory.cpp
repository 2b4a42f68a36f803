#include "sibp/data/memory.hpp"

#include "data/sample_indices.hpp"

#include <utility>

namespace sibp {
namespace {

class MemorySource final : public SampleSource {
 public:
  explicit MemorySource(Samples samples) : samples_(std::move(samples)) {}

  [[nodiscard]] Index size() const override { return samples_.size(); }
  [[nodiscard]] TensorShape shape() const override { return samples_.shape; }

  [[nodiscard]] Samples read(std::span<const Index> indices) const override {
    check_sample_indices(indices, size());
    Samples chosen;
    chosen.shape = shape();
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

}  // namespace

std::unique_ptr<SampleSource> make_memory_source(Samples samples) {
  return std::make_unique<MemorySource>(std::move(samples));
}

}  // namespace sibp
