#pragma once

#include "sibp/device/samples.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace sibp {

/// One split (training or test) of a data set: labelled samples in files, or made from a seed.
class SampleSource {
 public:
  SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;
  virtual ~SampleSource() = default;

  [[nodiscard]] virtual Index size() const = 0;         ///< samples
  [[nodiscard]] virtual TensorShape shape() const = 0;  ///< of one sample
  [[nodiscard]] Index features() const { return shape().size(); }
  [[nodiscard]] virtual FeatureType type() const { return FeatureType::byte; }

  /// The samples of the given indices, which ascend strictly; only they are kept in memory. Local: each rank reads its
  /// own. Plain files are read by seeking, gzip files by streaming through. Throws Error (data) naming the file if it
  /// is damaged or a label is out of range.
  [[nodiscard]] virtual Samples read(std::span<const Index> indices) const = 0;
};

/// A data set: two splits of samples of one shape, with classes 0 … classes − 1.
struct Dataset {
  std::string name;
  TensorShape shape;
  FeatureType type = FeatureType::byte;
  Index classes = 0;
  std::unique_ptr<SampleSource> training;
  std::unique_ptr<SampleSource> test;

  [[nodiscard]] Index features() const { return shape.size(); }
};

/// Which data set, and where its files are.
struct DatasetOptions {
  std::string dataset = "fashion-mnist";  ///< the name of a DatasetKind
  std::filesystem::path data_dir;         ///< folder of the files, or the file; empty: where the system's package
                                          ///< puts them
  // idx: any pairs of files, relative to data_dir
  std::filesystem::path train_images;
  std::filesystem::path train_labels;
  std::filesystem::path test_images;
  std::filesystem::path test_labels;
  // synthetic
  Index synthetic_samples = 10000;  ///< training samples; a fifth as many are made for the test
  Index synthetic_features = 64;
  std::optional<TensorShape> synthetic_shape;  ///< instead of synthetic_features; absent: 1 × 1 × synthetic_features
  Index synthetic_classes = 10;
  std::uint64_t seed = 1;
};

/// Opens the files and checks their sizes and headers, without reading samples: damage inside a gzip file and wrong
/// labels are found by SampleSource::read. Local; safe on one rank or on all.
///
/// mnist and fashion-mnist: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-…, also with a dot before "idx" and
/// with .gz; cifar10: data_batch_1.bin … data_batch_5.bin and test_batch.bin of the binary version, 10000 records each;
/// cifar100: its train.bin and test.bin, the finer of the two labels;
/// idx: a file of pictures has their height and width, and perhaps channels, which run fastest. gzip is recognised by
/// content, not by name.
/// Where a name does not say how many classes there are, it is one more than the largest training label.
/// Throws Error (data) naming the file, what was found, what was expected and what to do; Error (usage) for an unknown
/// name.
Dataset open_dataset(const DatasetOptions& options);

}  // namespace sibp
