#include "sibp/data/published.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <array>

namespace sibp {
namespace {

struct Sizes {
  std::string_view name;
  TensorShape shape;
  Index classes;
  Index training;
  Index test;
};

constexpr std::array published{Sizes{"fashion-mnist", {28, 28, 1}, 10, 60000, 10000},
                               Sizes{"mnist", {28, 28, 1}, 10, 60000, 10000},
                               Sizes{"cifar10", {32, 32, 3}, 10, 50000, 10000}};

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
  const auto* found = std::ranges::find(published, name, &Sizes::name);
  if (found == published.end()) return std::nullopt;
  Dataset dataset;
  dataset.name = name;
  dataset.shape = found->shape;
  dataset.classes = found->classes;
  dataset.training = std::make_unique<AbsentSamples>(found->training, found->shape);
  dataset.test = std::make_unique<AbsentSamples>(found->test, found->shape);
  return dataset;
}

}  // namespace sibp
