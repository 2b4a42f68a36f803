// cuDNN's functions by the library that is opened when the first of them is called: programs are not linked to cuDNN,
// and start where it is missing. There cudnnGetVersion() is 0, and every other call fails.
#include "device/cudnn_handles.hpp"

#include <dlfcn.h>

namespace {

/// The address of a function of the library; null if that is missing.
void* address_of(const char* name) {
  static void* const library = dlopen(sibp::cuda::cudnn_file, RTLD_NOW | RTLD_LOCAL);  // never closed
  return library == nullptr ? nullptr : dlsym(library, name);
}

/// Calls the library's function of this name, of the type of the one here.
template <auto function, class... Arguments>
cudnnStatus_t call(const char* name, Arguments... arguments) {
  static const auto found = reinterpret_cast<decltype(function)>(address_of(name));
  return found == nullptr ? CUDNN_STATUS_NOT_INITIALIZED : found(arguments...);
}

}  // namespace

extern "C" {

size_t cudnnGetVersion() {
  static const auto found = reinterpret_cast<decltype(&cudnnGetVersion)>(address_of("cudnnGetVersion"));
  return found == nullptr ? 0 : found();
}
const char* cudnnGetErrorString(cudnnStatus_t status) {
  static const auto found = reinterpret_cast<decltype(&cudnnGetErrorString)>(address_of("cudnnGetErrorString"));
  return found == nullptr ? "cuDNN is missing" : found(status);
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  return call<&cudnnCreate>("cudnnCreate", handle);
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  return call<&cudnnDestroy>("cudnnDestroy", handle);
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  return call<&cudnnSetStream>("cudnnSetStream", handle, stream);
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* tensor) {
  return call<&cudnnCreateTensorDescriptor>("cudnnCreateTensorDescriptor", tensor);
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor) {
  return call<&cudnnDestroyTensorDescriptor>("cudnnDestroyTensorDescriptor", tensor);
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  return call<&cudnnSetTensor4dDescriptor>("cudnnSetTensor4dDescriptor", tensor, format, type, n, c, h, w);
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* filter) {
  return call<&cudnnCreateFilterDescriptor>("cudnnCreateFilterDescriptor", filter);
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filter) {
  return call<&cudnnDestroyFilterDescriptor>("cudnnDestroyFilterDescriptor", filter);
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  return call<&cudnnSetFilter4dDescriptor>("cudnnSetFilter4dDescriptor", filter, type, format, k, c, h, w);
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* convolution) {
  return call<&cudnnCreateConvolutionDescriptor>("cudnnCreateConvolutionDescriptor", convolution);
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t convolution) {
  return call<&cudnnDestroyConvolutionDescriptor>("cudnnDestroyConvolutionDescriptor", convolution);
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int pad_h, int pad_w, int u,
                                              int v, int dilation_h, int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
  return call<&cudnnSetConvolution2dDescriptor>("cudnnSetConvolution2dDescriptor", convolution, pad_h, pad_w, u, v,
                                                dilation_h, dilation_w, mode, type);
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution, cudnnMathType_t math) {
  return call<&cudnnSetConvolutionMathType>("cudnnSetConvolutionMathType", convolution, math);
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t convolution,
                                                     cudnnTensorDescriptor_t y, int most, int* count,
                                                     cudnnConvolutionFwdAlgoPerf_t* found) {
  return call<&cudnnGetConvolutionForwardAlgorithm_v7>("cudnnGetConvolutionForwardAlgorithm_v7", handle, x, w,
                                                       convolution, y, most, count, found);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t handle, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t y,
                                                            cudnnConvolutionDescriptor_t convolution,
                                                            cudnnFilterDescriptor_t w, int most, int* count,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* found) {
  return call<&cudnnGetConvolutionBackwardFilterAlgorithm_v7>("cudnnGetConvolutionBackwardFilterAlgorithm_v7", handle,
                                                              x, y, convolution, w, most, count, found);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t handle, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t y,
                                                          cudnnConvolutionDescriptor_t convolution,
                                                          cudnnTensorDescriptor_t x, int most, int* count,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* found) {
  return call<&cudnnGetConvolutionBackwardDataAlgorithm_v7>("cudnnGetConvolutionBackwardDataAlgorithm_v7", handle, w, y,
                                                            convolution, x, most, count, found);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x,
                                      const void* x_data, cudnnFilterDescriptor_t w, const void* w_data,
                                      cudnnConvolutionDescriptor_t convolution, cudnnConvolutionFwdAlgo_t algorithm,
                                      void* workspace, size_t bytes, const void* beta, cudnnTensorDescriptor_t y,
                                      void* y_data) {
  return call<&cudnnConvolutionForward>("cudnnConvolutionForward", handle, alpha, x, x_data, w, w_data, convolution,
                                        algorithm, workspace, bytes, beta, y, y_data);
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x,
                                             const void* x_data, cudnnTensorDescriptor_t y, const void* y_data,
                                             cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace, size_t bytes,
                                             const void* beta, cudnnFilterDescriptor_t w, void* w_data) {
  return call<&cudnnConvolutionBackwardFilter>("cudnnConvolutionBackwardFilter", handle, alpha, x, x_data, y, y_data,
                                               convolution, algorithm, workspace, bytes, beta, w, w_data);
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha, cudnnFilterDescriptor_t w,
                                           const void* w_data, cudnnTensorDescriptor_t y, const void* y_data,
                                           cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace, size_t bytes,
                                           const void* beta, cudnnTensorDescriptor_t x, void* x_data) {
  return call<&cudnnConvolutionBackwardData>("cudnnConvolutionBackwardData", handle, alpha, w, w_data, y, y_data,
                                             convolution, algorithm, workspace, bytes, beta, x, x_data);
}

}  // extern "C"
