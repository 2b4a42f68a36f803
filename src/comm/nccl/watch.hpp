#pragma once

#include "device/cuda_handles.hpp"

#include <chrono>

namespace sibp::cuda {

/// Notices when a stream gets nowhere. Events mark what is queued; while one is reached after the other, all is well.
class StreamWatch {
 public:
  explicit StreamWatch(cudaStream_t stream) : stream_(stream) {}

  /// Something has been queued.
  void queued() { beyond_mark_ = true; }

  /// Seconds since the stream was seen to get on, or was empty.
  double seconds_without_progress() {
    if (is_done(cudaEventQuery(mark_.get()), "an operation between GPUs")) {
      since_ = Clock::now();
      if (beyond_mark_) check(cudaEventRecord(mark_.get(), stream_), "cudaEventRecord");
      beyond_mark_ = false;
    }
    return std::chrono::duration<double>(Clock::now() - since_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;

  cudaStream_t stream_;
  Event mark_ = make_event();
  bool beyond_mark_ = false;  ///< more is queued than the mark stands behind
  Clock::time_point since_ = Clock::now();
};

}  // namespace sibp::cuda
