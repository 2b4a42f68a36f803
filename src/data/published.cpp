#include "sibp/data/published.hpp"

#include "sibp/core/error.hpp"
#include "sibp/data/dataset_kinds.hpp"

namespace sibp {
namespace {

class AbsentSamples final : public SampleSource {
 public:
  AbsentSamples(Index size, const TensorShape& shape) : size_(size), shape_(shape) {}

  [[nodiscard]] Index size() const override { return size_; }
  [[nodiscard]] TensorShape shape() const override { return shape_; }
  [[nodiscard]] Samples read(std::span<const Index>) const override {
    throw_data_error("the files of the data set are not here");
  }

 private:
  Index size_;
  TensorShape shape_;
};

}  // namespace

std::optional<Dataset> published_dataset(std::string_view name) {
  const DatasetKind* kind = find_dataset_kind(name);
  if (kind == nullptr || kind->known.training == 0) return std::nullopt;
  const KnownSizes& known = kind->known;
  Dataset dataset;
  dataset.name = name;
  dataset.shape = known.shape;
  dataset.classes = known.classes;
  dataset.training = std::make_unique<AbsentSamples>(known.training, known.shape);
  dataset.test = std::make_unique<AbsentSamples>(known.test, known.shape);
  return dataset;
}

}  // namespace sibp
