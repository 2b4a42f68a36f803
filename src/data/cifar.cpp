#include "data/cifar.hpp"

#include "sibp/data/dataset_kinds.hpp"

#include "data/byte_reader.hpp"
#include "data/channel_order.hpp"
#include "data/dataset_files.hpp"
#include "data/sample_indices.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr Index picture_bytes = cifar_shape.size();

class CifarSource final : public SampleSource {
 public:
  CifarSource(const CifarFormat& format, std::vector<std::filesystem::path> files, Index records_per_file)
      : format_(format), files_(std::move(files)), records_per_file_(records_per_file) {
    for (const auto& file : files_) ByteReader::open(file)->expect_size(file_bytes());
  }

  [[nodiscard]] Index size() const override { return records_per_file_ * static_cast<Index>(files_.size()); }
  [[nodiscard]] TensorShape shape() const override { return cifar_shape; }

  [[nodiscard]] Samples read(std::span<const Index> indices) const override {
    check_sample_indices(indices, size());
    Samples samples;
    samples.shape = cifar_shape;
    samples.pixels.reserve(indices.size() * static_cast<std::size_t>(picture_bytes));
    samples.labels.reserve(indices.size());
    Index first = 0;
    for (const auto& file : files_) {
      const auto mine = std::lower_bound(indices.begin(), indices.end(), first);
      const auto next = std::lower_bound(mine, indices.end(), first + records_per_file_);
      if (mine != next) read_file(file, first, {mine, next}, samples);
      first += records_per_file_;
    }
    return samples;
  }

 private:
  [[nodiscard]] Index record_bytes() const { return format_.label_bytes + picture_bytes; }
  [[nodiscard]] Index file_bytes() const { return records_per_file_ * record_bytes(); }

  /// Appends the samples of these indices, all in `file`, whose first sample has index `first`.
  void read_file(const std::filesystem::path& file, Index first, std::span<const Index> indices,
                 Samples& samples) const {
    const auto reader = ByteReader::open(file);
    reader->expect_size(file_bytes());
    std::array<std::uint8_t, picture_bytes> planar{};
    for (const Index index : indices) {
      const Index record = index - first;
      reader->skip_to(record * record_bytes() + format_.label_bytes - 1);
      std::array<std::uint8_t, 1> label{};
      reader->read(label);
      check_label(file.string(), record, label[0], format_.classes);
      samples.labels.push_back(label[0]);
      reader->read(planar);
      samples.pixels.resize(samples.pixels.size() + planar.size());
      channels_fastest<std::uint8_t>(cifar_shape, planar, std::span(samples.pixels).last(planar.size()));
    }
    reader->finish();
  }

  CifarFormat format_;
  std::vector<std::filesystem::path> files_;
  Index records_per_file_;
};

std::filesystem::path cifar_file(const DatasetOptions& options, const std::string& name) {
  return find_data_file(options, options.data_dir, {&name, 1});
}

Dataset open_cifar10(const DatasetOptions& options) {
  constexpr Index records = 10000;
  check_data_folder(options, options.data_dir);
  std::vector<std::filesystem::path> batches;
  for (int i = 1; i <= 5; ++i) batches.push_back(cifar_file(options, fmt::format("data_batch_{}.bin", i)));
  Dataset dataset;
  dataset.classes = cifar10_format.classes;
  dataset.training = make_cifar_source(cifar10_format, std::move(batches), records);
  dataset.test = make_cifar_source(cifar10_format, {cifar_file(options, "test_batch.bin")}, records);
  return dataset;
}

Dataset open_cifar100(const DatasetOptions& options) {
  check_data_folder(options, options.data_dir);
  Dataset dataset;
  dataset.classes = cifar100_format.classes;
  dataset.training = make_cifar_source(cifar100_format, {cifar_file(options, "train.bin")}, 50000);
  dataset.test = make_cifar_source(cifar100_format, {cifar_file(options, "test.bin")}, 10000);
  return dataset;
}

}  // namespace

std::unique_ptr<SampleSource> make_cifar_source(const CifarFormat& format, std::vector<std::filesystem::path> files,
                                                Index records_per_file) {
  return std::make_unique<CifarSource>(format, std::move(files), records_per_file);
}

extern const DatasetKind cifar10_dataset{
    .name = "cifar10",
    .needs = "the folder that holds data_batch_1.bin … data_batch_5.bin and test_batch.bin (the binary version)",
    .is_fetched = true,
    .known = {.shape = cifar_shape, .classes = cifar10_format.classes, .training = 50000, .test = 10000},
    .open = open_cifar10};
extern const DatasetKind cifar100_dataset{
    .name = "cifar100",
    .needs = "the folder that holds train.bin and test.bin (the binary version)",
    .is_fetched = true,
    .known = {.shape = cifar_shape, .classes = cifar100_format.classes, .training = 50000, .test = 10000},
    .open = open_cifar100};

}  // namespace sibp
