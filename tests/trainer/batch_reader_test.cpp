// The reader's thread passes batches to its owner; built with ThreadSanitizer too, see tests/threads.
#include "sibp/trainer/batch_reader.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

namespace sibp {
namespace {

constexpr Index features = 5;
constexpr Index count = 43;
constexpr Index batch_size = 8;

/// Sample j has its features and its label from j.
Samples numbered_samples() {
  Samples samples;
  samples.shape = {1, 1, features};
  for (Index j = 0; j < count; ++j) {
    for (Index i = 0; i < features; ++i) samples.pixels.push_back(static_cast<std::uint8_t>(j + i));
    samples.labels.push_back(static_cast<std::int32_t>(j));
  }
  return samples;
}

class BatchReading : public testing::Test {
 protected:
  BatchReading() {
    normalisation_.shift = device_->allocate(features, 1);
    normalisation_.scale = device_->allocate(features, 1);
    device_->fill(normalisation_.scale.view(), 2);
  }

  [[nodiscard]] std::unique_ptr<BatchReader> reader(SampleOrder& order) {
    return std::make_unique<BatchReader>(*device_, order, *samples_, normalisation_, batch_size);
  }

  /// Whether the buffer holds these samples.
  void expect_batch(InputBuffer& inputs, std::span<const Index> columns) {
    ASSERT_EQ(inputs.labels().size, std::ssize(columns));
    for (Index k = 0; k < std::ssize(columns); ++k) {
      const Index j = columns[static_cast<std::size_t>(k)];
      EXPECT_EQ(inputs.labels().data[k], j);
      for (Index i = 0; i < features; ++i) EXPECT_EQ(inputs.values()(i, k), static_cast<Real>(2 * (j + i)));
      EXPECT_EQ(inputs.with_ones()(features, k), Real(1));
    }
  }

  std::unique_ptr<Device> device_ = make_cpu_device(1);
  std::unique_ptr<SampleStore> samples_ = device_->store(numbered_samples());
  DeviceNormalisation normalisation_;
  InputBuffer inputs_{*device_, features, batch_size};
};

TEST_F(BatchReading, ReadsAheadWhatTheOrderSays) {
  const Sharding sharding{count, 4, 0, 1};
  BatchOrder order(sharding, batch_size, 1);
  BatchOrder same(sharding, batch_size, 1);
  const auto ahead = reader(order);
  const Index batches = same.batches_per_epoch();
  ahead->start(0, 0);
  for (Index step = 0; step < 3 * batches; ++step) {
    ahead->take(inputs_);
    if (step + 1 < 3 * batches) ahead->start((step + 1) / batches, (step + 1) % batches);
    expect_batch(inputs_, same.local_batch(step / batches, step % batches));
  }
}

TEST_F(BatchReading, EndsWithABatchUnderWay) {
  for (int k = 0; k < 20; ++k) {
    BatchOrder order({count, 4, 0, 1}, batch_size, 1);
    const auto ahead = reader(order);
    ahead->start(0, k % order.batches_per_epoch());
  }
}

/// Reads epochs of pictures, augmented.
class PictureReading : public testing::Test {
 protected:
  static constexpr TensorShape shape{4, 3, 2};
  static constexpr Index pictures = 43;

  PictureReading() {
    normalisation_.shift = device_->allocate(shape.size(), 1);
    normalisation_.scale = device_->allocate(shape.size(), 1);
    device_->fill(normalisation_.scale.view(), 2);
  }

  /// The inputs by global batch and position in it, as one rank has them.
  using Inputs = std::map<std::pair<Index, Index>, std::vector<Real>>;

  /// Adds what rank `rank` of `ranks` reads in the batches of two epochs from `first` on.
  void read(const Augmentation& augmentation, int rank, int ranks, Index first, Inputs& inputs) {
    const Sharding sharding{pictures, 5, rank, ranks};
    const auto store = device_->store(local_pictures(sharding));
    BatchOrder order(sharding, 8, 1);
    const Index batches = order.batches_per_epoch();
    BatchReader reader(*device_, order, *store, normalisation_, 8, Augmenter(augmentation, shape, 9));
    InputBuffer buffer(*device_, shape.size(), 8);
    for (Index step = first; step < 2 * batches; ++step) {
      reader.start(step / batches, step % batches);
      reader.take(buffer);
      const MatrixView x = buffer.values();
      for (Index k = 0; k < x.cols; ++k) {
        const bool is_new = inputs
                                .emplace(std::pair(step, buffer.places()[static_cast<std::size_t>(k)]),
                                         std::vector<Real>(&x(0, k), &x(0, k) + x.rows))
                                .second;
        EXPECT_TRUE(is_new);
        // Keys are of the sample and the epoch, whichever rank has it.
        const auto known = keys_.emplace(std::pair(step / batches, buffer.labels().data[k]),
                                         buffer.keys()[static_cast<std::size_t>(k)]);
        EXPECT_EQ(known.first->second, buffer.keys()[static_cast<std::size_t>(k)]);
      }
    }
  }

  /// Picture j has its bytes and its label from j.
  static Samples local_pictures(const Sharding& sharding) {
    Samples samples{shape, {}, {}};
    for (const Index j : sharding.local_samples()) {
      for (Index i = 0; i < shape.size(); ++i) samples.pixels.push_back(static_cast<std::uint8_t>(5 * j + i));
      samples.labels.push_back(static_cast<std::int32_t>(j));
    }
    return samples;
  }

  std::unique_ptr<Device> device_ = make_cpu_device(1);
  DeviceNormalisation normalisation_;
  std::map<std::pair<Index, std::int32_t>, std::uint64_t> keys_;  ///< by epoch and sample
};

TEST_F(PictureReading, PicturesAreTheSameOnAnyNumberOfRanksAndAfterARestart) {
  for (const char* list : {"flip", "translate:1", "cutout:2", "flip:alternating,translate:2,cutout:1"}) {
    SCOPED_TRACE(list);
    const Augmentation augmentation = augmentation_from_text(list).value();
    Inputs plain;
    read({}, 0, 1, 0, plain);
    Inputs alone;
    read(augmentation, 0, 1, 0, alone);
    ASSERT_EQ(alone.size(), 2U * pictures);
    std::size_t changed = 0;
    for (const auto& [place, picture] : alone) changed += picture != plain.at(place) ? 1U : 0U;
    EXPECT_GT(changed, alone.size() / 4);
    for (const int ranks : {2, 3}) {
      Inputs together;
      for (int rank = 0; rank < ranks; ++rank) read(augmentation, rank, ranks, 0, together);
      EXPECT_EQ(together, alone) << ranks << " ranks";
    }
    Inputs rest;
    read(augmentation, 0, 1, 7, rest);  // starts in the middle of the second epoch
    for (const auto& [place, picture] : rest) EXPECT_EQ(picture, alone.at(place));
  }
}

/// An order that cannot be read.
class Unreadable final : public SampleOrder {
 public:
  [[nodiscard]] std::optional<Index> epochs() const override { return 1; }
  [[nodiscard]] Index batches_per_epoch() const override { return 1; }
  [[nodiscard]] Index global_size(Index) const override { return 1; }
  [[nodiscard]] Index largest_local_size() const override { return 1; }
  [[nodiscard]] std::span<const Index> local_batch(Index, Index) override { throw_data_error("a lost file"); }
  [[nodiscard]] std::span<const Index> local_positions(Index, Index) override { return {}; }
  [[nodiscard]] std::span<const Index> local_numbers(Index, Index) override { return {}; }
};

TEST_F(BatchReading, ItsErrorsReachTheOwner) {
  Unreadable order;
  const auto ahead = reader(order);
  ahead->start(0, 0);
  EXPECT_THROW(ahead->take(inputs_), Error);
}

}  // namespace
}  // namespace sibp
