#pragma once

#include "sibp/device/convolution_products.hpp"
#include "sibp/device/gpu.hpp"

#include <memory>
#include <string>

namespace sibp::cuda {

class CudaDevice;

/// What makes the convolutions of a GPU device, and owns what they share.
class ConvolutionLibrary {
 public:
  ConvolutionLibrary() = default;
  ConvolutionLibrary(const ConvolutionLibrary&) = delete;
  ConvolutionLibrary& operator=(const ConvolutionLibrary&) = delete;
  virtual ~ConvolutionLibrary() = default;

  /// As Device::make_convolution.
  [[nodiscard]] virtual std::unique_ptr<ConvolutionProducts> make(const ConvolutionShape& shape) = 0;
};

/// cuDNN for the device, which outlives it; null in a build without cuDNN, for float64, and where the library is not
/// found or does not take the GPU.
std::unique_ptr<ConvolutionLibrary> open_convolution_library(CudaDevice& device, Precision precision);

/// The library that the program was built for, or that there is none; for people.
std::string convolution_library();
/// The library as this machine has it, or what is missing; for people.
std::string convolution_library_found();

}  // namespace sibp::cuda
