#pragma once

#include "sibp/data/dataset.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace sibp {

/// An IDX file of bytes, plain or gzip: 00 00 08 d, then d sizes as big-endian 32-bit numbers, the first of them the
/// number of samples, then the bytes of one sample after the other.
class IdxFile {
 public:
  enum class Content {
    images,  ///< two to four dimensions: samples, then features, or height and width, or these and channels
    labels,  ///< one dimension
  };

  /// Reads the header and checks it against the size of the file. Throws Error (data) naming the file.
  IdxFile(std::filesystem::path path, Content content);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] Index samples() const { return samples_; }
  [[nodiscard]] const TensorShape& shape() const { return shape_; }  ///< of one sample

  /// The bytes of the samples of these indices, which ascend strictly; the file is checked to its end.
  [[nodiscard]] std::vector<std::uint8_t> read(std::span<const Index> indices) const;
  [[nodiscard]] std::vector<std::uint8_t> read_all() const;

 private:
  std::filesystem::path path_;
  Index header_bytes_ = 0;
  Index samples_ = 0;
  TensorShape shape_;
};

/// One more than the largest label of the file.
Index count_classes(const IdxFile& labels);

/// The files of a split.
struct IdxPaths {
  std::filesystem::path images;
  std::filesystem::path labels;
};

/// Both splits, classes 0 … classes − 1. Throws Error (data) unless pictures and labels of each are equally many, and
/// samples of both have one shape.
Dataset open_idx_pairs(const IdxPaths& train, const IdxPaths& test, Index classes);

/// A split from a file of images and one of labels, classes 0 … classes − 1. Throws Error (data) unless both hold
/// equally many samples.
std::unique_ptr<SampleSource> make_idx_source(IdxFile images, IdxFile labels, Index classes);

}  // namespace sibp
