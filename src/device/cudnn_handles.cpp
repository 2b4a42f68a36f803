#include "device/cudnn_handles.hpp"

namespace sibp::cuda {

TensorDescriptor make_tensor_descriptor() {
  cudnnTensorDescriptor_t tensor = nullptr;
  check(cudnnCreateTensorDescriptor(&tensor), "cudnnCreateTensorDescriptor");
  return TensorDescriptor(tensor);
}

FilterDescriptor make_filter_descriptor() {
  cudnnFilterDescriptor_t filter = nullptr;
  check(cudnnCreateFilterDescriptor(&filter), "cudnnCreateFilterDescriptor");
  return FilterDescriptor(filter);
}

ConvolutionDescriptor make_convolution_descriptor() {
  cudnnConvolutionDescriptor_t convolution = nullptr;
  check(cudnnCreateConvolutionDescriptor(&convolution), "cudnnCreateConvolutionDescriptor");
  return ConvolutionDescriptor(convolution);
}

}  // namespace sibp::cuda
