#pragma once

#include "sibp/device/convolution_products.hpp"
#include "sibp/device/gpu.hpp"

#include "device/cudnn_handles.hpp"

#include <cstddef>
#include <optional>

namespace sibp::cuda {

/// A convolution in cuDNN's terms, without gaps and with channels running fastest: images N × H × W × C, weights
/// K × R × S × C and outputs N × H' × W' × K.
class ConvolutionDescriptors {
 public:
  /// Of `window` with `outputs` channels of G. Products are of float with all their digits, or of tf32.
  ConvolutionDescriptors(const Window& window, Index outputs, Precision precision);

  /// For as many samples as a call has.
  void set_samples(Index samples);
  /// Whether an algorithm of this type rounds no more than `precision` says.
  [[nodiscard]] bool takes(cudnnMathType_t math) const;
  [[nodiscard]] cudnnTensorDescriptor_t images() const { return images_.get(); }
  [[nodiscard]] cudnnTensorDescriptor_t outputs() const { return outputs_.get(); }
  [[nodiscard]] cudnnFilterDescriptor_t weights() const { return weights_.get(); }
  [[nodiscard]] cudnnConvolutionDescriptor_t convolution() const { return convolution_.get(); }

 private:
  Precision precision_;
  TensorShape input_;
  TensorShape output_;
  TensorDescriptor images_ = make_tensor_descriptor();
  TensorDescriptor outputs_ = make_tensor_descriptor();
  FilterDescriptor weights_ = make_filter_descriptor();
  ConvolutionDescriptor convolution_ = make_convolution_descriptor();
};

/// One of cuDNN's algorithms for a product, and the bytes of workspace that it needs.
template <class Algorithm>
struct Planned {
  Algorithm algorithm{};
  std::size_t bytes = 0;
};

struct ConvolutionPlan {
  Planned<cudnnConvolutionFwdAlgo_t> forward;
  Planned<cudnnConvolutionBwdFilterAlgo_t> weights;
  Planned<cudnnConvolutionBwdDataAlgo_t> images;

  [[nodiscard]] std::size_t bytes() const;
};

/// For each product the algorithm that cuDNN expects to be the fastest of those that are deterministic and need no more
/// than `most_bytes`; nothing if one of the products has none.
std::optional<ConvolutionPlan> plan_convolution(cudnnHandle_t handle, const ConvolutionDescriptors& convolution,
                                                std::size_t most_bytes);

}  // namespace sibp::cuda
