#include "device/cuda_device.hpp"

#include "sibp/core/error.hpp"

#include "device/cuda_data_term.hpp"
#include "device/cuda_profiler.hpp"
#include "device/cuda_stream.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sibp::cuda {
namespace {

std::size_t bytes_of(Index elements) {
  return static_cast<std::size_t>(elements) * sizeof(Real);
}

/// to ← from, of equal shape, from and to any memory.
void copy_matrix(ConstMatrixView from, MatrixView to, cudaMemcpyKind kind, cudaStream_t stream) {
  if (from.contiguous() && to.contiguous()) {
    check(cudaMemcpyAsync(to.data, from.data, bytes_of(from.size()), kind, stream), "cudaMemcpyAsync");
    return;
  }
  check(cudaMemcpy2DAsync(to.data, bytes_of(to.stride), from.data, bytes_of(from.stride), bytes_of(from.rows),
                          static_cast<std::size_t>(from.cols), kind, stream),
        "cudaMemcpy2DAsync");
}

std::string blas_version() {
  int major = 0;
  int minor = 0;
  check(cublasGetProperty(MAJOR_VERSION, &major), "cublasGetProperty");
  check(cublasGetProperty(MINOR_VERSION, &minor), "cublasGetProperty");
  return fmt::format("{}.{}", major, minor);
}

/// cudaSetDevice before anything of the device is made.
int made_current(int gpu) {
  check(cudaSetDevice(gpu), "cudaSetDevice");
  return gpu;
}

}  // namespace

CudaDevice::CudaDevice(int gpu, Precision precision)
    : gpu_(made_current(gpu)),
      precision_(precision),
      name_(describe_gpu(gpu).name),
      stream_(make_stream()),
      reached_(make_event()),
      loader_(gpu) {
  cublasHandle_t blas = nullptr;
  check(cublasCreate(&blas), "cublasCreate");
  blas_.reset(blas);
  check(cublasSetStream(blas, stream()), "cublasSetStream");
  cusolverDnHandle_t solver = nullptr;
  check(cusolverDnCreate(&solver), "cusolverDnCreate");
  solver_.reset(solver);
  check(cusolverDnSetStream(solver, stream()), "cusolverDnSetStream");
  cusolverDnParams_t parameters = nullptr;
  check(cusolverDnCreateParams(&parameters), "cusolverDnCreateParams");
  solver_parameters_.reset(parameters);
  results_.reserve(1);
  partials_.reserve(partials_size);
  info_.reserve(1);
  check(cudaMemsetAsync(losses_.reserve(2), 0, 2 * sizeof(double), stream()), "cudaMemsetAsync");
}

CudaDevice::~CudaDevice() {
  (void)cudaSetDevice(gpu_);
}

std::string CudaDevice::description() const {
  return fmt::format("{} (cuBLAS {}, products in {})", name_, blas_version(), name_of(precision_));
}

std::optional<std::int64_t> CudaDevice::free_memory() const {
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return static_cast<std::int64_t>(free);
}

std::unique_ptr<SampleStore> CudaDevice::store(Samples samples) {
  return std::make_unique<CudaSampleStore>(std::move(samples), *free_memory() - kept_free());
}

std::unique_ptr<DataTerm> CudaDevice::make_data_term() {
  return std::make_unique<CudaDataTerm>(*this);
}

std::unique_ptr<ConvolutionProducts> CudaDevice::make_convolution(const ConvolutionShape& shape) {
  if (!convolutions_) convolutions_ = open_convolution_library(*this, precision_);
  return convolutions_ ? convolutions_->make(shape) : nullptr;
}

void CudaDevice::make_current() const {
  check(cudaSetDevice(gpu_), "cudaSetDevice");
}

void CudaDevice::wait() {
  check(cudaEventRecord(reached_.get(), stream()), "cudaEventRecord");
  while (!is_done(cudaEventQuery(reached_.get()), "an operation on the GPU")) {
    if (progress()) progress()();
  }
}

Real* CudaDevice::do_allocate(Index size) {
  if (size == 0) return nullptr;
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes_of(size));
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    return nullptr;
  }
  check(status, "cudaMalloc");
  check(cudaMemsetAsync(data, 0, bytes_of(size), stream()), "cudaMemsetAsync");
  return static_cast<Real*>(data);
}

void CudaDevice::do_release(Real* data) {
  FreeDevice()(data);
}

std::shared_ptr<std::int32_t[]> CudaDevice::do_allocate_labels(Index size) {
  void* data = nullptr;
  const std::size_t bytes = static_cast<std::size_t>(std::max<Index>(size, 1)) * sizeof(std::int32_t);
  check(cudaMalloc(&data, bytes), "cudaMalloc");
  std::shared_ptr<std::int32_t[]> labels(static_cast<std::int32_t*>(data), FreeDevice());
  check(cudaMemsetAsync(data, 0, bytes, stream()), "cudaMemsetAsync");
  return labels;
}

void CudaDevice::do_upload(const Real* from, MatrixView to) {
  copy_matrix({from, to.rows, to.cols, to.rows}, to, cudaMemcpyHostToDevice, stream());
  wait();  // `from` is the caller's again
}

void CudaDevice::do_download(ConstMatrixView from, Real* to) {
  wait();  // the copy itself would wait without calling progress()
  copy_matrix(from, {to, from.rows, from.cols, from.rows}, cudaMemcpyDeviceToHost, stream());
  wait();
}

void CudaDevice::do_upload_labels(std::span<const std::int32_t> from, std::int32_t* to) {
  check(cudaMemcpyAsync(to, from.data(), from.size_bytes(), cudaMemcpyHostToDevice, stream()), "cudaMemcpyAsync");
  wait();
}

void CudaDevice::do_download_labels(const std::int32_t* from, std::span<std::int32_t> to) {
  wait();
  check(cudaMemcpyAsync(to.data(), from, to.size_bytes(), cudaMemcpyDeviceToHost, stream()), "cudaMemcpyAsync");
  wait();
}

void CudaDevice::do_copy(ConstMatrixView from, MatrixView to) {
  copy_matrix(from, to, cudaMemcpyDeviceToDevice, stream());
}

void CudaDevice::do_load_batch(const SampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                               ConstMatrixView scale, MatrixView inputs, std::int32_t* labels,
                               std::span<const PictureChange> changes) {
  loader_.load(dynamic_cast<const CudaSampleStore&>(samples), columns, shift, scale, inputs, labels, changes, stream());
}

namespace {

CudaDevice& cuda_device(Device& device) {
  auto* found = dynamic_cast<CudaDevice*>(&device);
  require(found != nullptr, "a GPU was expected");
  return *found;
}

}  // namespace

cudaStream_t stream_of(Device& device) {
  return cuda_device(device).stream();
}

void make_current(Device& device) {
  cuda_device(device).make_current();
}

}  // namespace sibp::cuda

namespace sibp {

std::unique_ptr<Device> make_cuda_device(int index, Precision precision) {
  cuda::show_phases_in_profilers();
  return std::make_unique<cuda::CudaDevice>(index, precision);
}

}  // namespace sibp
