#pragma once

#include "sibp/data/augmentation.hpp"
#include "sibp/data/sample_order.hpp"
#include "sibp/trainer/local_data.hpp"
#include "sibp/trainer/workspace.hpp"

#include <memory>
#include <vector>

namespace sibp {

/// Which samples a rank has of a batch, in the order of its columns. See SampleOrder.
struct BatchMembers {
  std::vector<Index> positions;  ///< in the global batch
  std::vector<Index> numbers;    ///< in the training set
};

/// Reads batches ahead: while one is trained on, a thread of its own gathers, normalises and augments the next. Local.
///
/// `order`, `samples` and `normalisation` outlive the reader, and nobody else uses `order` meanwhile.
class BatchReader {
 public:
  /// `capacity` is that of the workspaces which take the batches.
  BatchReader(Device& device, SampleOrder& order, const SampleStore& samples, const DeviceNormalisation& normalisation,
              Index capacity, Augmenter augmenter = {});
  BatchReader(const BatchReader&) = delete;
  BatchReader& operator=(const BatchReader&) = delete;
  ~BatchReader();

  /// Starts on this rank's part of global batch `batch` of `epoch`.
  void start(Index epoch, Index batch);
  /// Waits for the batch that was started and puts it into `workspace`: F̂_0 = [X; 1ᵀ] and the labels.
  /// Throws what went wrong in reading it.
  void take(Workspace& workspace);
  /// Of the batch that was taken last.
  [[nodiscard]] const BatchMembers& members() const;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace sibp
