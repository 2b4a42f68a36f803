// The link of this rank to the others over NCCL, and the watch that notices when it is lost.
#pragma once

#include "sibp/comm/backend.hpp"

#include "device/cuda_handles.hpp"

#include <chrono>

#include <nccl.h>

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

/// One NCCL communicator that does not block, and the stream on which its collectives run. Every wait looks for errors
/// and for ranks that are lost; the communicator is then aborted, which frees the stream, and Error is thrown.
class NcclLink {
 public:
  /// Of the ranks of `host`, over which NCCL's id is sent. Collective. Throws Error.
  NcclLink(CommunicatorBackend& host, Device& device, double patience);
  NcclLink(const NcclLink&) = delete;
  NcclLink& operator=(const NcclLink&) = delete;
  ~NcclLink();

  /// What is started next begins after all that the device was asked for so far.
  void wait_for_device();
  /// Starts the collective that call(communicator, stream) asks NCCL for; `name` is for messages.
  template <class Call>
  void start(const char* name, const Call& call) {
    settle(name, call(comm_, stream_.get()));
    watch_.queued();
  }
  /// Starts those of call(rank, communicator, stream) for every rank as one.
  template <class Call>
  void start_for_each_rank(const char* name, const Call& call) {
    ncclResult_t result = ncclGroupStart();
    for (int rank = 0; rank < ranks_ && is_sound(result); ++rank) result = call(rank, comm_, stream_.get());
    const ncclResult_t ended = ncclGroupEnd();  // in any case: a group that is open would swallow all that follows
    settle(name, is_sound(result) ? ended : result);
    watch_.queued();
  }
  /// `done` stands for all that was started so far.
  void mark(const Event& done);
  /// What the device is asked for next begins after what `done` stands for.
  void let_device_wait(const Event& done);
  /// Returns when all that was started is done.
  void wait_for_all();
  /// Throws Error if a rank is lost.
  void poll();

 private:
  static bool is_sound(ncclResult_t result) { return result == ncclSuccess || result == ncclInProgress; }
  /// Returns when NCCL has done what a call left it to do in the background.
  void settle(const char* name, ncclResult_t result);
  [[noreturn]] void fail(const char* name, ncclResult_t result);
  void give_up();

  cudaStream_t compute_;
  int ranks_;
  double patience_;
  Stream stream_;
  Event between_ = make_event();
  StreamWatch watch_;
  ncclComm_t comm_ = nullptr;
};

}  // namespace sibp::cuda
