#include "data/idx.hpp"

#include "sibp/core/error.hpp"

#include "data/byte_reader.hpp"
#include "data/dataset_files.hpp"
#include "data/sample_indices.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

using Word = std::array<std::uint8_t, 4>;

Word read_word(ByteReader& reader) {
  Word word{};
  reader.read(word);
  return word;
}

Index big_endian(const Word& word) {
  return (Index(word[0]) << 24) | (Index(word[1]) << 16) | (Index(word[2]) << 8) | Index(word[3]);
}

/// The number of dimensions that the first four bytes state.
int check_magic(const std::filesystem::path& path, const Word& magic, IdxFile::Content content) {
  const bool images = content == IdxFile::Content::images;
  const int dimensions = magic[3];
  const bool fits = images ? dimensions >= 2 && dimensions <= 4 : dimensions == 1;
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != 8 || !fits) {
    throw_data_error(fmt::format(
        "{} is not an IDX file of {}: it begins with the bytes {:02x}, expected 00 00 08 {} (or a gzip file "
        "of that); check that images and labels are not exchanged, or fetch the file again",
        path.string(), images ? "images" : "labels", fmt::join(magic, " "), images ? "03" : "01"));
  }
  return dimensions;
}

/// a · b. Throws Error (data) if that is beyond any file.
Index file_product(const std::filesystem::path& path, Index a, Index b) {
  constexpr Index largest = std::numeric_limits<Index>::max() / 4;  // leaves room for the header
  if (b != 0 && a > largest / b) {
    throw_data_error(
        fmt::format("{} is damaged: the sizes in its header multiply to more than any file can hold; "
                    "fetch the file again",
                    path.string()));
  }
  return a * b;
}

/// Of a sample with these sizes: height and width, with channels or without, or features alone.
TensorShape shape_of(const std::vector<Index>& sizes) {
  switch (sizes.size()) {
    case 0:
      return {};
    case 1:
      return {1, 1, sizes[0]};
    default:
      return {sizes[0], sizes[1], sizes.size() == 3 ? sizes[2] : 1};
  }
}

class IdxSource final : public SampleSource {
 public:
  IdxSource(IdxFile images, IdxFile labels, Index classes)
      : images_(std::move(images)), labels_(std::move(labels)), classes_(classes) {}

  [[nodiscard]] Index size() const override { return images_.samples(); }
  [[nodiscard]] TensorShape shape() const override { return images_.shape(); }

  [[nodiscard]] Samples read(std::span<const Index> indices) const override {
    check_sample_indices(indices, size());
    Samples samples;
    samples.shape = shape();
    samples.labels = read_labels(indices);
    samples.pixels = images_.read(indices);
    return samples;
  }

 private:
  /// Checks all labels, not those asked for alone: every rank then finds the same first wrong one.
  [[nodiscard]] std::vector<std::int32_t> read_labels(std::span<const Index> indices) const {
    const std::vector<std::uint8_t> all = labels_.read_all();
    for (std::size_t j = 0; j < all.size(); ++j)
      check_label(labels_.path().string(), static_cast<Index>(j), all[j], classes_);
    std::vector<std::int32_t> labels(indices.size());
    std::transform(indices.begin(), indices.end(), labels.begin(),
                   [&](Index j) { return std::int32_t{all[static_cast<std::size_t>(j)]}; });
    return labels;
  }

  IdxFile images_;
  IdxFile labels_;
  Index classes_;
};

std::unique_ptr<SampleSource> open_idx_split(const IdxPaths& paths, Index classes) {
  IdxFile images(paths.images, IdxFile::Content::images);
  IdxFile labels(paths.labels, IdxFile::Content::labels);
  return make_idx_source(std::move(images), std::move(labels), classes);
}

}  // namespace

IdxFile::IdxFile(std::filesystem::path path, Content content) : path_(std::move(path)) {
  const auto reader = ByteReader::open(path_);
  const int dimensions = check_magic(path_, read_word(*reader), content);
  samples_ = big_endian(read_word(*reader));
  std::vector<Index> sizes;
  for (int i = 1; i < dimensions; ++i) sizes.push_back(big_endian(read_word(*reader)));
  shape_ = shape_of(sizes);
  header_bytes_ = 4 + 4 * dimensions;
  const Index sample_bytes = file_product(path_, file_product(path_, shape_.height, shape_.width), shape_.channels);
  const Index bytes = file_product(path_, samples_, sample_bytes);
  if (bytes == 0) {
    throw_data_error(
        fmt::format("{} holds nothing: its header says {} samples of {} bytes, expected at least one; "
                    "choose another file",
                    path_.string(), samples_, sample_bytes));
  }
  reader->expect_size(header_bytes_ + bytes);
}

std::vector<std::uint8_t> IdxFile::read(std::span<const Index> indices) const {
  const auto reader = ByteReader::open(path_);
  reader->expect_size(header_bytes_ + samples_ * shape_.size());
  std::vector<std::uint8_t> bytes;
  bytes.reserve(indices.size() * static_cast<std::size_t>(shape_.size()));
  reader->append_rows(header_bytes_, shape_.size(), indices, bytes);
  reader->finish();
  return bytes;
}

std::vector<std::uint8_t> IdxFile::read_all() const {
  const auto reader = ByteReader::open(path_);
  reader->expect_size(header_bytes_ + samples_ * shape_.size());
  reader->skip_to(header_bytes_);
  std::vector<std::uint8_t> bytes;
  reader->append(samples_ * shape_.size(), bytes);
  reader->finish();
  return bytes;
}

Index count_classes(const IdxFile& labels) {
  const std::vector<std::uint8_t> all = labels.read_all();
  return Index{*std::max_element(all.begin(), all.end())} + 1;
}

Dataset open_idx_pairs(const IdxPaths& train, const IdxPaths& test, Index classes) {
  Dataset dataset;
  dataset.classes = classes;
  dataset.training = open_idx_split(train, classes);
  dataset.test = open_idx_split(test, classes);
  check_splits_alike(dataset, train.images, test.images);
  return dataset;
}

std::unique_ptr<SampleSource> make_idx_source(IdxFile images, IdxFile labels, Index classes) {
  if (images.samples() != labels.samples()) {
    throw_data_error(
        fmt::format("{} holds {} images but {} holds {} labels, expected equally many; choose files that "
                    "belong together or fetch them again",
                    images.path().string(), images.samples(), labels.path().string(), labels.samples()));
  }
  return std::make_unique<IdxSource>(std::move(images), std::move(labels), classes);
}

}  // namespace sibp
