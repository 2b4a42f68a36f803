// cuDNN's convolutions by plain loops over what the descriptors say. Of every product it offers algorithms that must
// not be taken before the one that works, and refuses all but that one and a workspace that is too small.
#include "emulation/cudnn.hpp"

#include "emulation/streams.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

struct cudnnTensorStruct {
  std::array<int, 4> size{};     ///< n, c, h, w
  std::array<long, 4> stride{};  ///< of the same
};
struct cudnnFilterStruct {
  cudnnTensorStruct tensor;  ///< k, c, r, s
};
struct cudnnConvolutionStruct {
  int pad_h = 0, pad_w = 0, stride_h = 0, stride_w = 0;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};
struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace sibp::emulation {

Cudnn& cudnn() {
  static Cudnn state;
  return state;
}

}  // namespace sibp::emulation

namespace {

using sibp::emulation::queue;

cudnnTensorStruct channels_last(int n, int c, int h, int w) {
  return {{n, c, h, w}, {long{c} * h * w, 1, long{c} * w, c}};
}

long place(const cudnnTensorStruct& t, int n, int c, int h, int w) {
  return n * t.stride[0] + c * t.stride[1] + h * t.stride[2] + w * t.stride[3];
}

int places(int size, int pad, int kernel, int stride) {
  return (size + 2 * pad - kernel) / stride + 1;
}

/// A convolution as its calls have it, copied, as descriptors may change before its turn on the stream has come.
struct Convolution {
  cudnnTensorStruct x, w, y;
  cudnnConvolutionStruct how;

  [[nodiscard]] bool fits() const {
    return x.size[0] == y.size[0] && x.size[1] == w.size[1] && y.size[1] == w.size[0] &&
           y.size[2] == places(x.size[2], how.pad_h, w.size[2], how.stride_h) &&
           y.size[3] == places(x.size[3], how.pad_w, w.size[3], how.stride_w);
  }

  /// Calls visit(place in x, in w, in y) for every product of the convolution.
  template <class Visit>
  void for_products(const Visit& visit) const {
    for (int n = 0; n < y.size[0]; ++n)
      for (int i = 0; i < y.size[2]; ++i)
        for (int j = 0; j < y.size[3]; ++j)
          for (int r = 0; r < w.size[2]; ++r)
            for (int s = 0; s < w.size[3]; ++s) {
              const int h = i * how.stride_h - how.pad_h + r;
              const int v = j * how.stride_w - how.pad_w + s;
              if (h < 0 || h >= x.size[2] || v < 0 || v >= x.size[3]) continue;
              for (int k = 0; k < w.size[0]; ++k)
                for (int c = 0; c < w.size[1]; ++c)
                  visit(place(x, n, c, h, v), place(w, k, c, r, s), place(y, n, k, i, j));
            }
  }

  [[nodiscard]] std::size_t workspace() const { return 1000 + 8 * static_cast<std::size_t>(x.size[0]); }
};

/// As the library does: without beta nothing of what is there is read.
void scale(const cudnnTensorStruct& t, float beta, float* data) {
  for (int n = 0; n < t.size[0]; ++n)
    for (int c = 0; c < t.size[1]; ++c)
      for (int h = 0; h < t.size[2]; ++h)
        for (int w = 0; w < t.size[3]; ++w) {
          float& value = data[place(t, n, c, h, w)];
          value = beta == 0 ? 0 : beta * value;
        }
}

template <class Visit>
cudnnStatus_t run(cudnnHandle_t handle, const Convolution& c, bool is_right_algorithm, void* workspace,
                  std::size_t bytes, int& calls, Visit visit) {
  if (!c.fits() || !is_right_algorithm || bytes < c.workspace() || workspace == nullptr) return CUDNN_STATUS_BAD_PARAM;
  ++calls;
  sibp::emulation::cudnn().math = c.how.math;
  queue(handle->stream, [=] {
    std::memset(workspace, 0xff, bytes);
    visit();
  });
  return CUDNN_STATUS_SUCCESS;
}

float value_of(const void* scalar) {
  return *static_cast<const float*>(scalar);
}

/// The list of algorithms, the fastest first. Only the last may be taken.
template <class Found>
cudnnStatus_t list(const Convolution& c, decltype(Found::algo) right, decltype(Found::algo) wrong, int most, int* count,
                   Found* found) {
  if (!c.fits() || most < 5) return CUDNN_STATUS_BAD_PARAM;
  const auto one = [&](auto algorithm, cudnnStatus_t status, std::size_t bytes, cudnnDeterminism_t determinism,
                       cudnnMathType_t math) { *found++ = {algorithm, status, 0, bytes, determinism, math, {}}; };
  one(wrong, CUDNN_STATUS_NOT_SUPPORTED, 0, CUDNN_DETERMINISTIC, c.how.math);
  one(wrong, CUDNN_STATUS_SUCCESS, 0, CUDNN_NON_DETERMINISTIC, c.how.math);
  one(wrong, CUDNN_STATUS_SUCCESS, std::size_t{1} << 40, CUDNN_DETERMINISTIC, c.how.math);
  one(wrong, CUDNN_STATUS_SUCCESS, 0, CUDNN_DETERMINISTIC,
      c.how.math == CUDNN_FMA_MATH ? CUDNN_TENSOR_OP_MATH : CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION);
  one(right, CUDNN_STATUS_SUCCESS, c.workspace(),
      sibp::emulation::cudnn().has_deterministic_algorithms ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC,
      c.how.math);
  *count = 5;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

extern "C" {

size_t cudnnGetVersion() {
  return sibp::emulation::cudnn().opens ? 91900 : 0;
}
const char* cudnnGetErrorString(cudnnStatus_t) {
  return "a status of the emulation";
}
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  if (!sibp::emulation::cudnn().opens) return CUDNN_STATUS_NOT_INITIALIZED;
  *handle = new cudnnContext;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* tensor) {
  *tensor = new cudnnTensorStruct;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor) {
  delete tensor;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  if (format != CUDNN_TENSOR_NHWC || type != CUDNN_DATA_FLOAT) return CUDNN_STATUS_NOT_SUPPORTED;
  if (n < 1 || c < 1 || h < 1 || w < 1) return CUDNN_STATUS_BAD_PARAM;
  *tensor = channels_last(n, c, h, w);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* filter) {
  *filter = new cudnnFilterStruct;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filter) {
  delete filter;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  if (format != CUDNN_TENSOR_NHWC || type != CUDNN_DATA_FLOAT) return CUDNN_STATUS_NOT_SUPPORTED;
  filter->tensor = channels_last(k, c, h, w);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* convolution) {
  *convolution = new cudnnConvolutionStruct;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t convolution) {
  delete convolution;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int pad_h, int pad_w, int u,
                                              int v, int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
  if (dilation_h != 1 || dilation_w != 1 || mode != CUDNN_CROSS_CORRELATION || type != CUDNN_DATA_FLOAT)
    return CUDNN_STATUS_NOT_SUPPORTED;
  *convolution = {pad_h, pad_w, u, v, CUDNN_DEFAULT_MATH};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution, cudnnMathType_t math) {
  convolution->math = math;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t convolution,
                                                     cudnnTensorDescriptor_t y, int most, int* count,
                                                     cudnnConvolutionFwdAlgoPerf_t* found) {
  return list({*x, w->tensor, *y, *convolution}, CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
              CUDNN_CONVOLUTION_FWD_ALGO_GEMM, most, count, found);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t y,
                                                            cudnnConvolutionDescriptor_t convolution,
                                                            cudnnFilterDescriptor_t w, int most, int* count,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* found) {
  return list({*x, w->tensor, *y, *convolution}, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
              CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0, most, count, found);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t y,
                                                          cudnnConvolutionDescriptor_t convolution,
                                                          cudnnTensorDescriptor_t x, int most, int* count,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* found) {
  return list({*x, w->tensor, *y, *convolution}, CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, CUDNN_CONVOLUTION_BWD_DATA_ALGO_0,
              most, count, found);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x,
                                      const void* x_data, cudnnFilterDescriptor_t w, const void* w_data,
                                      cudnnConvolutionDescriptor_t convolution, cudnnConvolutionFwdAlgo_t algorithm,
                                      void* workspace, size_t bytes, const void* beta, cudnnTensorDescriptor_t y,
                                      void* y_data) {
  const Convolution c{*x, w->tensor, *y, *convolution};
  return run(handle, c, algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, workspace, bytes,
             sibp::emulation::cudnn().forward,
             [=, a = value_of(alpha), b = value_of(beta), from = static_cast<const float*>(x_data),
              by = static_cast<const float*>(w_data), to = static_cast<float*>(y_data)] {
               scale(c.y, b, to);
               c.for_products([&](long in_x, long in_w, long in_y) { to[in_y] += a * from[in_x] * by[in_w]; });
             });
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x,
                                             const void* x_data, cudnnTensorDescriptor_t y, const void* y_data,
                                             cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace, size_t bytes,
                                             const void* beta, cudnnFilterDescriptor_t w, void* w_data) {
  const Convolution c{*x, w->tensor, *y, *convolution};
  return run(handle, c, algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, workspace, bytes,
             sibp::emulation::cudnn().weights,
             [=, a = value_of(alpha), b = value_of(beta), from = static_cast<const float*>(x_data),
              by = static_cast<const float*>(y_data), to = static_cast<float*>(w_data)] {
               scale(c.w, b, to);
               c.for_products([&](long in_x, long in_w, long in_y) { to[in_w] += a * from[in_x] * by[in_y]; });
             });
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha, cudnnFilterDescriptor_t w,
                                           const void* w_data, cudnnTensorDescriptor_t y, const void* y_data,
                                           cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace, size_t bytes,
                                           const void* beta, cudnnTensorDescriptor_t x, void* x_data) {
  const Convolution c{*x, w->tensor, *y, *convolution};
  return run(handle, c, algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, workspace, bytes,
             sibp::emulation::cudnn().images,
             [=, a = value_of(alpha), b = value_of(beta), from = static_cast<const float*>(y_data),
              by = static_cast<const float*>(w_data), to = static_cast<float*>(x_data)] {
               scale(c.x, b, to);
               c.for_products([&](long in_x, long in_w, long in_y) { to[in_x] += a * from[in_y] * by[in_w]; });
             });
}

}  // extern "C"
