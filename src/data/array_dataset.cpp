#include "data/array_dataset.hpp"

#include "sibp/core/error.hpp"

#include "data/dataset_files.hpp"
#include "data/sample_indices.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr Index most_classes = 1'000'000;

FeatureType type_of_features(const StoredArray& array) {
  for (const FeatureType type : {FeatureType::byte, FeatureType::float32})
    if (to_text(array.format()) == name_of(type)) return type;
  throw_data_error(
      fmt::format("{} has elements of {}, expected uint8 or float32; convert it (in NumPy: "
                  "x.astype('float32'))",
                  array.place(), to_text(array.format())));
}

TensorShape shape_of_rows(const StoredArray& array) {
  const std::vector<Index>& sizes = array.sizes();
  if (sizes.size() < 2) {
    throw_data_error(
        fmt::format("{} has one dimension, {}, expected samples x features, samples x height x width, or "
                    "these x channels",
                    array.place(), array.rows()));
  }
  if (sizes.size() == 2) return {1, 1, sizes[1]};
  return {sizes[1], sizes[2], sizes.size() == 4 ? sizes[3] : 1};
}

template <class T>
Index label_from(const std::uint8_t* bytes) {
  T value{};
  std::memcpy(&value, bytes, sizeof value);
  // Beyond the largest Index there is no class either.
  return std::in_range<Index>(value) ? static_cast<Index>(value) : -1;
}

using LabelReader = Index (*)(const std::uint8_t*);

LabelReader reader_of_labels(const StoredArray& array) {
  const auto& [kind, bytes] = array.format();
  if (kind == 'u' && bytes == 1) return label_from<std::uint8_t>;
  if (kind == 'u' && bytes == 2) return label_from<std::uint16_t>;
  if (kind == 'u' && bytes == 4) return label_from<std::uint32_t>;
  if (kind == 'u' && bytes == 8) return label_from<std::uint64_t>;
  if (kind == 'i' && bytes == 1) return label_from<std::int8_t>;
  if (kind == 'i' && bytes == 2) return label_from<std::int16_t>;
  if (kind == 'i' && bytes == 4) return label_from<std::int32_t>;
  if (kind == 'i' && bytes == 8) return label_from<std::int64_t>;
  throw_data_error(
      fmt::format("{} has elements of {}, expected whole numbers; convert it (in NumPy: "
                  "y.astype('int64'))",
                  array.place(), to_text(array.format())));
}

/// All labels, each checked to be below `classes`: every rank then finds the same first wrong one.
std::vector<std::int32_t> read_labels(const StoredArray& array, Index classes) {
  const LabelReader label_at = reader_of_labels(array);
  if (array.row_bytes() != array.format().bytes) {
    throw_data_error(
        fmt::format("{} is {}, expected one whole number for each sample; convert it (in NumPy: "
                    "y.argmax(axis=1) of one column for each class)",
                    array.place(), sizes_text(array.sizes())));
  }
  std::vector<Index> rows(static_cast<std::size_t>(array.rows()));
  std::iota(rows.begin(), rows.end(), Index{0});
  const std::vector<std::uint8_t> bytes = array.read(rows);
  std::vector<std::int32_t> labels;
  labels.reserve(rows.size());
  for (const Index row : rows) {
    const Index label = label_at(bytes.data() + row * array.row_bytes());
    check_label(array.place(), row, label, classes);
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return labels;
}

class ArraySource final : public SampleSource {
 public:
  ArraySource(std::unique_ptr<StoredArray> samples, const StoredArray& labels, Index classes)
      : samples_(std::move(samples)), type_(type_of_features(*samples_)), shape_(shape_of_rows(*samples_)) {
    if (samples_->rows() != labels.rows()) {
      throw_data_error(
          fmt::format("{} has {} rows but {} has {}, expected one label for each sample; choose arrays that "
                      "belong together",
                      samples_->place(), samples_->rows(), labels.place(), labels.rows()));
    }
    labels_ = read_labels(labels, classes);
  }

  [[nodiscard]] Index size() const override { return samples_->rows(); }
  [[nodiscard]] TensorShape shape() const override { return shape_; }
  [[nodiscard]] FeatureType type() const override { return type_; }
  [[nodiscard]] Index classes() const { return Index{*std::ranges::max_element(labels_)} + 1; }

  [[nodiscard]] Samples read(std::span<const Index> indices) const override {
    check_sample_indices(indices, size());
    Samples samples{.shape = shape_, .pixels = samples_->read(indices), .labels = {}, .type = type_};
    samples.labels.reserve(indices.size());
    for (const Index index : indices) samples.labels.push_back(labels_[static_cast<std::size_t>(index)]);
    if (type_ == FeatureType::float32) check_finite(samples, indices);
    return samples;
  }

 private:
  void check_finite(const Samples& samples, std::span<const Index> indices) const {
    for (Index j = 0; j < samples.size(); ++j) {
      const auto values = samples.floats(j);
      const auto wrong = std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
      if (wrong == values.end()) continue;
      throw_data_error(fmt::format("{}: feature {} of sample {} is {}, expected a finite number; correct it",
                                   samples_->place(), wrong - values.begin(), indices[static_cast<std::size_t>(j)],
                                   *wrong));
    }
  }

  std::unique_ptr<StoredArray> samples_;
  FeatureType type_;
  TensorShape shape_;
  std::vector<std::int32_t> labels_;
};

}  // namespace

Dataset open_array_dataset(const OpenArray& open) {
  auto train = open("x_train");
  auto test = open("x_test");
  const std::string train_place = train->place();
  const std::string test_place = test->place();
  auto training = std::make_unique<ArraySource>(std::move(train), *open("y_train"), most_classes);
  Dataset dataset;
  dataset.classes = training->classes();
  dataset.training = std::move(training);
  dataset.test = std::make_unique<ArraySource>(std::move(test), *open("y_test"), dataset.classes);
  check_splits_alike(dataset, train_place, test_place);
  return dataset;
}

}  // namespace sibp
