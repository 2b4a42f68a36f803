#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/tensor_shape.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sibp {

/// What each feature of a stored sample is.
enum class FeatureType : std::uint8_t { byte, float32 };

constexpr Index bytes_of(FeatureType type) {
  return type == FeatureType::byte ? 1 : static_cast<Index>(sizeof(float));
}
/// "uint8" or "float32", as NumPy has them.
constexpr std::string_view name_of(FeatureType type) {
  return type == FeatureType::byte ? "uint8" : "float32";
}

/// Labelled samples of one shape in host memory.
struct Samples {
  TensorShape shape;
  std::vector<std::uint8_t> pixels;  ///< sample j starts at j * sample_bytes(); floats are in this machine's byte order
  std::vector<std::int32_t> labels;  ///< class of each sample, from 0
  FeatureType type = FeatureType::byte;

  [[nodiscard]] Index features() const { return shape.size(); }
  [[nodiscard]] Index sample_bytes() const { return features() * bytes_of(type); }
  [[nodiscard]] Index size() const { return static_cast<Index>(labels.size()); }
  [[nodiscard]] std::span<const std::uint8_t> sample(Index j) const {
    return std::span(pixels).subspan(static_cast<std::size_t>(j * sample_bytes()),
                                     static_cast<std::size_t>(sample_bytes()));
  }
  /// The same of samples whose features are floats.
  [[nodiscard]] std::span<const float> floats(Index j) const {
    return {reinterpret_cast<const float*>(sample(j).data()), static_cast<std::size_t>(features())};
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
