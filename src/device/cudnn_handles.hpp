#pragma once

#include <memory>
#include <source_location>
#include <type_traits>

#include <cudnn.h>

/// Owners of cuDNN's objects, and its statuses as exceptions; see cuda_check.hpp.
namespace sibp::cuda {

/// The file that is opened.
inline constexpr const char* cudnn_file = "libcudnn.so.9";
static_assert(CUDNN_MAJOR == 9);

void check(cudnnStatus_t status, const char* call, std::source_location where = std::source_location::current());

struct DestroyCudnn {
  void operator()(cudnnHandle_t handle) const { (void)cudnnDestroy(handle); }
};
struct DestroyTensor {
  void operator()(cudnnTensorDescriptor_t tensor) const { (void)cudnnDestroyTensorDescriptor(tensor); }
};
struct DestroyFilter {
  void operator()(cudnnFilterDescriptor_t filter) const { (void)cudnnDestroyFilterDescriptor(filter); }
};
struct DestroyConvolution {
  void operator()(cudnnConvolutionDescriptor_t convolution) const {
    (void)cudnnDestroyConvolutionDescriptor(convolution);
  }
};

using CudnnHandle = std::unique_ptr<std::remove_pointer_t<cudnnHandle_t>, DestroyCudnn>;
using TensorDescriptor = std::unique_ptr<std::remove_pointer_t<cudnnTensorDescriptor_t>, DestroyTensor>;
using FilterDescriptor = std::unique_ptr<std::remove_pointer_t<cudnnFilterDescriptor_t>, DestroyFilter>;
using ConvolutionDescriptor = std::unique_ptr<std::remove_pointer_t<cudnnConvolutionDescriptor_t>, DestroyConvolution>;

TensorDescriptor make_tensor_descriptor();
FilterDescriptor make_filter_descriptor();
ConvolutionDescriptor make_convolution_descriptor();

}  // namespace sibp::cuda
