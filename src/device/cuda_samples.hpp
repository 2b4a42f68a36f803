#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/picture_change.hpp"
#include "sibp/device/samples.hpp"

#include "device/cuda_handles.hpp"

#include <mutex>
#include <span>

namespace sibp::cuda {

/// Samples for a GPU: in its memory if they fit, in the host's otherwise.
class CudaSampleStore final : public SampleStore {
 public:
  /// `room` is what the GPU's memory may hold of them, in bytes.
  CudaSampleStore(Samples samples, std::int64_t room);
  [[nodiscard]] Index size() const override { return size_; }
  [[nodiscard]] TensorShape shape() const override { return shape_; }

  [[nodiscard]] bool on_gpu() const { return pixels_.data() != nullptr; }
  [[nodiscard]] FeatureType type() const { return type_; }
  [[nodiscard]] const std::uint8_t* pixels() const { return pixels_.data(); }
  [[nodiscard]] const std::int32_t* labels() const { return labels_.data(); }
  /// Without samples if they are on the GPU.
  [[nodiscard]] const Samples& on_host() const { return samples_; }

 private:
  Index size_;
  TensorShape shape_;
  FeatureType type_;
  Samples samples_;
  DeviceArray<std::uint8_t> pixels_;
  DeviceArray<std::int32_t> labels_;
};

/// Gathers and normalises batches, on a stream of its own and through buffers that it fills while the GPU does other
/// work. Any thread may call load().
class BatchLoader {
 public:
  explicit BatchLoader(int gpu) : gpu_(gpu) {}

  /// As Device::load_batch: begins after all that is queued on `compute` now, as `inputs` and `labels` may be in use
  /// there, and returns when the batch is in place.
  void load(const CudaSampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
            ConstMatrixView scale, MatrixView inputs, std::int32_t* labels, std::span<const PictureChange> changes,
            cudaStream_t compute);

 private:
  /// Samples where kernels find them: numbers in `columns` of those in `pixels` and `labels`, as in work::sample_of.
  struct Source {
    const std::uint8_t* pixels;
    const std::int32_t* labels;
    const Index* columns;
  };
  Source send_columns(const CudaSampleStore& samples, std::span<const Index> columns);
  Source send_samples(const CudaSampleStore& samples, std::span<const Index> columns);
  const PictureChange* send_changes(std::span<const PictureChange> changes);

  int gpu_;
  std::mutex mutex_;
  Stream stream_ = make_stream();
  Event between_ = make_event();
  Event done_ = make_event(true);
  PinnedArray<Index> pinned_columns_;
  PinnedArray<std::uint8_t> pinned_pixels_;
  PinnedArray<std::int32_t> pinned_labels_;
  PinnedArray<PictureChange> pinned_changes_;
  DeviceArray<Index> columns_;
  DeviceArray<std::uint8_t> pixels_;
  DeviceArray<std::int32_t> labels_;
  DeviceArray<PictureChange> changes_;
};

}  // namespace sibp::cuda
