// CUDA's runtime on the host: streams and events as streams.hpp says, and host memory in the place of the GPU's.
#include "emulation/streams.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>

namespace {

constexpr std::size_t memory = std::size_t{1} << 32;

std::recursive_mutex everything;

struct Stream {
  std::deque<std::function<void()>> waiting;
  long done = 0;  ///< pieces of work since the start

  [[nodiscard]] long end() const { return done + static_cast<long>(waiting.size()); }
  void advance(long to) {
    while (done < to && !waiting.empty()) {
      const auto work = std::move(waiting.front());
      waiting.pop_front();
      ++done;
      work();
    }
  }
};

/// Stands behind all that was on a stream when it was recorded.
struct Event {
  Stream* stream = nullptr;
  long place = 0;
  bool asked = false;

  [[nodiscard]] bool is_reached() const { return stream == nullptr || stream->done >= place; }
  void reach() const {
    if (stream != nullptr) stream->advance(place);
  }
};

std::set<Stream*>& streams() {
  static std::set<Stream*> all;
  return all;
}

Stream* of(cudaStream_t stream) {
  return reinterpret_cast<Stream*>(stream);
}
Event* of(cudaEvent_t event) {
  return reinterpret_cast<Event*>(event);
}

/// What is fresh from the allocator must not look like zeros.
void* poisoned(std::size_t bytes) {
  void* data = std::malloc(bytes);
  if (data != nullptr) std::memset(data, 0xff, bytes);  // NaNs
  return data;
}

cudaError_t allocate(void** data, std::size_t bytes) {
  if (bytes > memory) return cudaErrorMemoryAllocation;
  *data = poisoned(bytes);
  return *data == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

}  // namespace

namespace sibp::emulation {

void queue(cudaStream_t stream, std::function<void()> work) {
  const std::lock_guard lock(everything);
  of(stream)->waiting.push_back(std::move(work));
}

void finish(cudaStream_t stream) {
  const std::lock_guard lock(everything);
  of(stream)->advance(of(stream)->end());
}

}  // namespace sibp::emulation

using sibp::emulation::queue;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 8;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return device >= 0 && device < 8 ? cudaSuccess : cudaErrorInvalidDevice;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= 8) return cudaErrorInvalidDevice;
  *properties = {};
  std::strcpy(properties->name, "emulated GPU");
  properties->uuid.bytes[0] = static_cast<char>(device);
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "an error of the emulation";
}
cudaError_t cudaGetLastError() {
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = memory;
  *total = memory;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  return allocate(data, bytes);
}
cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) {
  return allocate(data, bytes);
}
cudaError_t cudaFree(void* data) {
  const std::lock_guard lock(everything);
  for (Stream* stream : streams()) stream->advance(stream->end());
  std::free(data);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* data) {
  return cudaFree(data);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  queue(stream, [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind, cudaStream_t stream) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidPitchValue;
  queue(stream, [=] {
    for (std::size_t line = 0; line < height; ++line)
      std::memcpy(static_cast<char*>(to) + line * to_pitch, static_cast<const char*>(from) + line * from_pitch, width);
  });
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  queue(stream, [=] { std::memset(data, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
  const std::lock_guard lock(everything);
  auto* made = new Stream;
  streams().insert(made);
  *stream = reinterpret_cast<cudaStream_t>(made);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const std::lock_guard lock(everything);
  of(stream)->advance(of(stream)->end());
  streams().erase(of(stream));  // not deleted: events may stand on it
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  sibp::emulation::finish(stream);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = reinterpret_cast<cudaEvent_t>(new Event);
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete of(event);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::lock_guard lock(everything);
  *of(event) = {of(stream), of(stream)->end(), false};
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const std::lock_guard lock(everything);
  queue(stream, [recorded = *of(event)] { recorded.reach(); });
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const std::lock_guard lock(everything);
  if (of(event)->is_reached()) return cudaSuccess;
  if (of(event)->asked) of(event)->reach();  // not at the first question
  of(event)->asked = true;
  return cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const std::lock_guard lock(everything);
  of(event)->reach();
  return cudaSuccess;
}

}  // extern "C"
