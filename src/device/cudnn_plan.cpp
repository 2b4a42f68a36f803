#include "device/cudnn_plan.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <array>

namespace sibp::cuda {
namespace {

void set_tensor(cudnnTensorDescriptor_t tensor, Index samples, const TensorShape& shape) {
  check(cudnnSetTensor4dDescriptor(tensor, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, checked_int(samples),
                                   checked_int(shape.channels), checked_int(shape.height), checked_int(shape.width)),
        "cudnnSetTensor4dDescriptor");
}

/// The first of cuDNN's list that will do. The fastest come first. `ask(most, &count, list)` has cuDNN fill the list,
/// or fail where it has nothing for this convolution.
template <class Entry, std::size_t most, class Ask>
auto first_that_will_do(const ConvolutionDescriptors& convolution, std::size_t most_bytes, const Ask& ask) {
  std::array<Entry, most> list{};
  int count = 0;
  if (ask(static_cast<int>(most), &count, list.data()) != CUDNN_STATUS_SUCCESS) count = 0;
  const auto found = std::find_if(list.begin(), list.begin() + count, [&](const Entry& entry) {
    return entry.status == CUDNN_STATUS_SUCCESS && entry.determinism == CUDNN_DETERMINISTIC &&
           entry.memory <= most_bytes && convolution.takes(entry.mathType);
  });
  std::optional<Planned<decltype(Entry::algo)>> chosen;
  if (found != list.begin() + count) chosen = {found->algo, found->memory};
  return chosen;
}

}  // namespace

ConvolutionDescriptors::ConvolutionDescriptors(const Window& window, Index outputs, Precision precision)
    : precision_(precision), input_(window.input), output_{window.output_height(), window.output_width(), outputs} {
  check(cudnnSetFilter4dDescriptor(weights_.get(), CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, checked_int(outputs),
                                   checked_int(input_.channels), checked_int(window.kernel_height),
                                   checked_int(window.kernel_width)),
        "cudnnSetFilter4dDescriptor");
  const int padding = checked_int(window.padding);
  const int stride = checked_int(window.stride);
  check(cudnnSetConvolution2dDescriptor(convolution_.get(), padding, padding, stride, stride, 1, 1,
                                        CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
        "cudnnSetConvolution2dDescriptor");
  // The default lets cuDNN round factors to tf32.
  check(cudnnSetConvolutionMathType(convolution_.get(),
                                    precision == Precision::tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH),
        "cudnnSetConvolutionMathType");
}

void ConvolutionDescriptors::set_samples(Index samples) {
  set_tensor(images_.get(), samples, input_);
  set_tensor(outputs_.get(), samples, output_);
}

bool ConvolutionDescriptors::takes(cudnnMathType_t math) const {
  return math == CUDNN_FMA_MATH || math == CUDNN_DEFAULT_MATH ||
         (math == CUDNN_TENSOR_OP_MATH && precision_ == Precision::tf32);
}

std::size_t ConvolutionPlan::bytes() const {
  return std::max({forward.bytes, weights.bytes, images.bytes});
}

std::optional<ConvolutionPlan> plan_convolution(cudnnHandle_t handle, const ConvolutionDescriptors& c,
                                                std::size_t most_bytes) {
  const auto forward = first_that_will_do<cudnnConvolutionFwdAlgoPerf_t, CUDNN_CONVOLUTION_FWD_ALGO_COUNT>(
      c, most_bytes, [&](int most, int* count, cudnnConvolutionFwdAlgoPerf_t* list) {
        return cudnnGetConvolutionForwardAlgorithm_v7(handle, c.images(), c.weights(), c.convolution(), c.outputs(),
                                                      most, count, list);
      });
  const auto weights = first_that_will_do<cudnnConvolutionBwdFilterAlgoPerf_t, CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT>(
      c, most_bytes, [&](int most, int* count, cudnnConvolutionBwdFilterAlgoPerf_t* list) {
        return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, c.images(), c.outputs(), c.convolution(),
                                                             c.weights(), most, count, list);
      });
  const auto images = first_that_will_do<cudnnConvolutionBwdDataAlgoPerf_t, CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT>(
      c, most_bytes, [&](int most, int* count, cudnnConvolutionBwdDataAlgoPerf_t* list) {
        return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, c.weights(), c.outputs(), c.convolution(),
                                                           c.images(), most, count, list);
      });
  if (!forward || !weights || !images) return std::nullopt;
  return ConvolutionPlan{*forward, *weights, *images};
}

}  // namespace sibp::cuda
