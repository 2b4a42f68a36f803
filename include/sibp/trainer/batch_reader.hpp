#pragma once

#include "sibp/data/augmentation.hpp"
#include "sibp/data/sample_order.hpp"
#include "sibp/layer/input_buffer.hpp"
#include "sibp/trainer/local_data.hpp"

#include <cstdint>
#include <memory>

namespace sibp {

/// Reads batches ahead: while one is trained on, a thread of its own gathers, normalises and augments the next. Local.
///
/// `order`, `samples` and `normalisation` outlive the reader, and nobody else uses `order` meanwhile.
class BatchReader {
 public:
  /// `capacity` is that of the buffers which take the batches; `seed` is that of the keys of samples in them.
  BatchReader(Device& device, SampleOrder& order, const SampleStore& samples, const DeviceNormalisation& normalisation,
              Index capacity, Augmenter augmenter = {}, std::uint64_t seed = 0);
  BatchReader(const BatchReader&) = delete;
  BatchReader& operator=(const BatchReader&) = delete;
  ~BatchReader();

  /// Starts on this rank's part of global batch `batch` of `epoch`.
  void start(Index epoch, Index batch);
  /// Waits for the batch that was started and puts it into `inputs`, of the reader's capacity, for the batch there.
  /// Throws what went wrong in reading it.
  void take(InputBuffer& inputs);

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace sibp
