#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/tensor_shape.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace sibp {

/// Labelled samples of one shape in host memory: one byte per feature.
struct Samples {
  TensorShape shape;
  std::vector<std::uint8_t> pixels;  ///< features() × size(), column-major: sample j starts at j * features()
  std::vector<std::int32_t> labels;  ///< class of each sample, from 0

  [[nodiscard]] Index features() const { return shape.size(); }  ///< bytes of one sample
  [[nodiscard]] Index size() const { return static_cast<Index>(labels.size()); }
  [[nodiscard]] std::span<const std::uint8_t> sample(Index j) const {
    return std::span(pixels).subspan(static_cast<std::size_t>(j * features()), static_cast<std::size_t>(features()));
  }
};

/// Class labels in a device's memory, one per sample.
struct LabelView {
  std::int32_t* data = nullptr;
  Index size = 0;
};

/// Read-only LabelView.
struct ConstLabelView {
  const std::int32_t* data = nullptr;
  Index size = 0;

  ConstLabelView() = default;
  ConstLabelView(const std::int32_t* first, Index count) : data(first), size(count) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a writable view is a read-only one
  ConstLabelView(LabelView labels) : data(labels.data), size(labels.size) {}
};

/// Samples where a device can gather batches from them. Made by Device::store, read by Device::load_batch.
class SampleStore {
 public:
  SampleStore() = default;
  SampleStore(const SampleStore&) = delete;
  SampleStore& operator=(const SampleStore&) = delete;
  virtual ~SampleStore() = default;

  [[nodiscard]] virtual Index size() const = 0;         ///< samples
  [[nodiscard]] virtual TensorShape shape() const = 0;  ///< of one sample
  [[nodiscard]] Index features() const { return shape().size(); }
};

}  // namespace sibp
