#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/picture_change.hpp"
#include "sibp/device/samples.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace sibp {

/// Gathers batches from samples that a device keeps. Every call is Local.
class BatchLoader {
 public:
  BatchLoader() = default;
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;
  virtual ~BatchLoader() = default;

  /// Bytes that store() leaves free on a device of its own memory, for matrices that are yet to be allocated.
  void keep_free(std::int64_t bytes) { kept_free_ = bytes; }
  /// Keeps samples where batches can be gathered from them.
  [[nodiscard]] virtual std::unique_ptr<SampleStore> store(Samples samples) = 0;
  /// Gathers one batch: column k of `inputs` (features × M) ← scale ∘ (features of sample columns[k] − shift),
  /// labels[k] ← its class. `shift` and `scale` are features × 1, in the units of the samples. `columns` is host
  /// memory. `changes`, in host memory, has what is done to each picture after that; without any, pictures stay as they
  /// are.
  void load_batch(const SampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                  ConstMatrixView scale, MatrixView inputs, LabelView labels,
                  std::span<const PictureChange> changes = {});

 protected:
  [[nodiscard]] std::int64_t kept_free() const { return kept_free_; }

 private:
  virtual void do_load_batch(const SampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                             ConstMatrixView scale, MatrixView inputs, std::int32_t* labels,
                             std::span<const PictureChange> changes) = 0;

  std::int64_t kept_free_ = 0;
};

}  // namespace sibp
