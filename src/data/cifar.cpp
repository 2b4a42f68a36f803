#include "data/cifar10.hpp"

#include "data/byte_reader.hpp"
#include "data/channel_order.hpp"
#include "data/sample_indices.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace sibp {
namespace {

constexpr Index sample_bytes = cifar10_shape.size();
constexpr Index record_bytes = 1 + sample_bytes;
constexpr Index records_per_file = 10000;

class Cifar10Source final : public SampleSource {
 public:
  explicit Cifar10Source(std::vector<std::filesystem::path> files) : files_(std::move(files)) {}

  [[nodiscard]] Index size() const override { return records_per_file * static_cast<Index>(files_.size()); }
  [[nodiscard]] TensorShape shape() const override { return cifar10_shape; }

  [[nodiscard]] Samples read(std::span<const Index> indices) const override {
    check_sample_indices(indices, size());
    Samples samples;
    samples.shape = cifar10_shape;
    samples.pixels.reserve(indices.size() * static_cast<std::size_t>(sample_bytes));
    samples.labels.reserve(indices.size());
    Index first = 0;
    for (const auto& file : files_) {
      const auto mine = std::lower_bound(indices.begin(), indices.end(), first);
      const auto next = std::lower_bound(mine, indices.end(), first + records_per_file);
      if (mine != next) read_file(file, first, {mine, next}, samples);
      first += records_per_file;
    }
    return samples;
  }

 private:
  /// Appends the samples of these indices, all in `file`, whose first sample has index `first`.
  static void read_file(const std::filesystem::path& file, Index first, std::span<const Index> indices,
                        Samples& samples) {
    const auto reader = ByteReader::open(file);
    reader->expect_size(records_per_file * record_bytes);
    std::array<std::uint8_t, sample_bytes> planar{};
    for (const Index index : indices) {
      const Index record = index - first;
      reader->skip_to(record * record_bytes);
      std::array<std::uint8_t, 1> label{};
      reader->read(label);
      check_label(file, record, label[0], cifar10_classes);
      samples.labels.push_back(label[0]);
      reader->read(planar);
      samples.pixels.resize(samples.pixels.size() + planar.size());
      channels_fastest<std::uint8_t>(cifar10_shape, planar, std::span(samples.pixels).last(planar.size()));
    }
    reader->finish();
  }

  std::vector<std::filesystem::path> files_;
};

}  // namespace

std::unique_ptr<SampleSource> make_cifar10_source(std::vector<std::filesystem::path> files) {
  for (const auto& file : files) ByteReader::open(file)->expect_size(records_per_file * record_bytes);
  return std::make_unique<Cifar10Source>(std::move(files));
}

}  // namespace sibp
