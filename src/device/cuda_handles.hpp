#pragma once

#include "sibp/core/types.hpp"

#include "device/cuda_check.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>

/// Owners of CUDA's streams, events and memory. They are made and given back with the right GPU current.
namespace sibp::cuda {

struct DestroyStream {
  void operator()(cudaStream_t stream) const { (void)cudaStreamDestroy(stream); }
};
struct DestroyEvent {
  void operator()(cudaEvent_t event) const { (void)cudaEventDestroy(event); }
};

using Stream = std::unique_ptr<std::remove_pointer_t<cudaStream_t>, DestroyStream>;
using Event = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, DestroyEvent>;

/// A stream that does not wait for the default stream; a smaller priority goes first.
inline Stream make_stream(int priority = 0) {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, priority), "cudaStreamCreateWithPriority");
  return Stream(stream);
}

/// An event to order streams by, without a time. `blocking`: cudaEventSynchronize sleeps rather than spins.
inline Event make_event(bool blocking = false) {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | (blocking ? cudaEventBlockingSync : 0U)),
        "cudaEventCreateWithFlags");
  return Event(event);
}

/// All that is queued on `second` from now on begins after what is queued on `first` now.
inline void order(cudaStream_t first, cudaStream_t second, const Event& between) {
  check(cudaEventRecord(between.get(), first), "cudaEventRecord");
  check(cudaStreamWaitEvent(second, between.get(), 0), "cudaStreamWaitEvent");
}

/// Gives memory back once nothing uses it any more. Not while an exception is under way: the wait could be for a
/// collective that never ends, as its other ranks do not know of the error, and the memory goes with the program.
struct FreeDevice {
  void operator()(void* data) const {
    if (std::uncaught_exceptions() == 0) (void)cudaFree(data);
  }
};
struct FreePinned {
  void operator()(void* data) const {
    if (std::uncaught_exceptions() == 0) (void)cudaFreeHost(data);
  }
};

/// Memory of a GPU that grows to the most that was asked for and keeps nothing when it does.
template <class T>
class DeviceArray {
 public:
  /// Room for `size` elements. Throws Error (runtime) if there is none.
  T* reserve(std::size_t size) {
    if (size > size_) {
      data_.reset();
      size_ = 0;
      void* data = nullptr;
      check(cudaMalloc(&data, size * sizeof(T)), "cudaMalloc");
      data_.reset(static_cast<T*>(data));
      size_ = size;
    }
    return data_.get();
  }
  [[nodiscard]] T* data() const { return data_.get(); }

 private:
  std::unique_ptr<T, FreeDevice> data_;
  std::size_t size_ = 0;
};

/// Host memory that the GPU reads and writes directly; otherwise as DeviceArray.
template <class T>
class PinnedArray {
 public:
  T* reserve(std::size_t size) {
    if (size > size_) {
      data_.reset();
      size_ = 0;
      void* data = nullptr;
      check(cudaHostAlloc(&data, size * sizeof(T), cudaHostAllocDefault), "cudaHostAlloc");
      data_.reset(static_cast<T*>(data));
      size_ = size;
    }
    return data_.get();
  }
  [[nodiscard]] T* data() const { return data_.get(); }

 private:
  std::unique_ptr<T, FreePinned> data_;
  std::size_t size_ = 0;
};

}  // namespace sibp::cuda
