#include "device/cuda_samples.hpp"

#include "device/cuda_kernels.hpp"

#include <algorithm>
#include <utility>

namespace sibp::cuda {
namespace {

template <class T>
void send(const T* from, T* to, std::size_t size, cudaStream_t stream) {
  check(cudaMemcpyAsync(to, from, size * sizeof(T), cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
}

}  // namespace

CudaSampleStore::CudaSampleStore(Samples samples, std::int64_t room)
    : size_(samples.size()), shape_(samples.shape), type_(samples.type), samples_(std::move(samples)) {
  const auto bytes = static_cast<std::int64_t>(samples_.pixels.size() + samples_.labels.size() * sizeof(std::int32_t));
  if (size_ == 0 || bytes > room) return;
  const Stream stream = make_stream();
  send(samples_.pixels.data(), pixels_.reserve(samples_.pixels.size()), samples_.pixels.size(), stream.get());
  send(samples_.labels.data(), labels_.reserve(samples_.labels.size()), samples_.labels.size(), stream.get());
  // Batches are gathered on another stream, and a copy from memory that is not pinned may return before it is done.
  check(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
  samples_ = {};
}

void BatchLoader::load(const CudaSampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                       ConstMatrixView scale, MatrixView inputs, std::int32_t* labels,
                       std::span<const PictureChange> changes, cudaStream_t compute) {
  const std::lock_guard lock(mutex_);
  check(cudaSetDevice(gpu_), "cudaSetDevice");  // the calling thread may be a new one
  order(compute, stream_.get(), between_);
  const Source source = samples.on_gpu() ? send_columns(samples, columns) : send_samples(samples, columns);
  const work::LoadInputs unchanged{work::StoredFeatures(source.pixels, samples.type()), source.columns, shift, scale,
                                   inputs};
  if (changes.empty()) {
    for_each_element(stream_.get(), inputs.rows, inputs.cols, unchanged);
  } else {
    for_each_element(stream_.get(), inputs.rows, inputs.cols,
                     work::LoadPictures{unchanged, send_changes(changes), samples.shape()});
  }
  for_each_element(stream_.get(), inputs.cols, 1, work::LoadLabels{source.labels, source.columns, labels});
  check(cudaEventRecord(done_.get(), stream_.get()), "cudaEventRecord");
  check(cudaEventSynchronize(done_.get()), "cudaEventSynchronize");
}

const PictureChange* BatchLoader::send_changes(std::span<const PictureChange> changes) {
  PictureChange* pinned = pinned_changes_.reserve(changes.size());
  PictureChange* on_gpu = changes_.reserve(changes.size());
  std::ranges::copy(changes, pinned);
  send(pinned, on_gpu, changes.size(), stream_.get());
  return on_gpu;
}

BatchLoader::Source BatchLoader::send_columns(const CudaSampleStore& samples, std::span<const Index> columns) {
  Index* pinned = pinned_columns_.reserve(columns.size());
  Index* on_gpu = columns_.reserve(columns.size());
  std::copy(columns.begin(), columns.end(), pinned);
  send(pinned, on_gpu, columns.size(), stream_.get());
  return {samples.pixels(), samples.labels(), on_gpu};
}

BatchLoader::Source BatchLoader::send_samples(const CudaSampleStore& samples, std::span<const Index> columns) {
  const Samples& stored = samples.on_host();
  const auto bytes = static_cast<std::size_t>(stored.sample_bytes());
  std::uint8_t* pinned = pinned_pixels_.reserve(columns.size() * bytes);
  std::int32_t* pinned_labels = pinned_labels_.reserve(columns.size());
  std::uint8_t* pixels = pixels_.reserve(columns.size() * bytes);
  std::int32_t* labels = labels_.reserve(columns.size());
  for (std::size_t k = 0; k < columns.size(); ++k) {
    std::ranges::copy(stored.sample(columns[k]), pinned + k * bytes);
    pinned_labels[k] = stored.labels[static_cast<std::size_t>(columns[k])];
  }
  send(pinned, pixels, columns.size() * bytes, stream_.get());
  send(pinned_labels, labels, columns.size(), stream_.get());
  return {pixels, labels, nullptr};
}

}  // namespace sibp::cuda
