// The reader's thread passes batches to its owner; built with ThreadSanitizer too, see tests/threads.
#include "sibp/trainer/batch_reader.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>

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
