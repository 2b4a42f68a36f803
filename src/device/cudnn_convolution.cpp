// Convolutions on GPUs by cuDNN. It has no column of biases and wants weights with channels running fastest: Wᵀ in
// memory.
#include "sibp/device/scratch.hpp"

#include "device/cuda_convolution.hpp"
#include "device/cuda_device.hpp"
#include "device/cudnn_plan.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace sibp::cuda {
namespace {

/// Of all convolutions of a device, which run one after the other on its stream.
struct Shared {
  Shared(CudaDevice& its_device, CudnnHandle its_handle, Precision its_precision)
      : device(its_device),
        handle(std::move(its_handle)),
        precision(its_precision),
        weights(device),
        images(device),
        outputs(device) {}

  /// 1ᵀ, 1 × cols.
  [[nodiscard]] ConstMatrixView row_of_ones(Index cols) {
    if (ones.size() < cols) {
      ones = device.allocate(1, cols);
      device.fill(ones.view(), 1);
    }
    return ones.view().left_cols(cols);
  }

  CudaDevice& device;
  CudnnHandle handle;
  Precision precision;
  DeviceArray<std::byte> workspace;
  Scratch weights;  ///< Wᵀ, or the product that becomes a part of B, inputs × outputs
  Scratch images;   ///< without gaps
  Scratch outputs;  ///< without gaps
  Matrix ones;
};

class CudnnConvolution final : public ConvolutionProducts {
 public:
  CudnnConvolution(Shared& shared, const ConvolutionShape& shape)
      : shared_(shared),
        device_(shared.device),
        outputs_(shape.outputs),
        inputs_(shape.window.patch()),
        places_(shape.window.places()),
        descriptors_(shape.window, shape.outputs, shared.precision) {
    if (!plan(shape.samples)) return;
    shared.weights.of(inputs_, outputs_);
    if (shape.images_have_gaps) shared.images.of(shape.window.input.size(), shape.samples);
    if (shape.outputs_have_gaps) shared.outputs.of(outputs_ * places_, shape.samples);
    (void)shared.row_of_ones(places_ * shape.samples);
  }

  [[nodiscard]] bool is_planned() const { return plan_.has_value(); }

  void forward(ConstMatrixView weights, ConstMatrixView images, MatrixView g) override {
    set_samples(images.cols);
    const ConstMatrixView x = without_gaps(images);
    const ConstMatrixView w = transposed(weights);
    const MatrixView to = g.contiguous() ? g : shared_.outputs.of(g.rows, g.cols);
    const Real one = 1;
    const Real zero = 0;
    check(
        cudnnConvolutionForward(shared_.handle.get(), &one, descriptors_.images(), x.data, descriptors_.weights(),
                                w.data, descriptors_.convolution(), plan_->forward.algorithm, shared_.workspace.data(),
                                plan_->forward.bytes, &zero, descriptors_.outputs(), to.data),
        "cudnnConvolutionForward");
    const Index columns = places_ * images.cols;
    device_.gemm(Op::none, Op::none, 1, weights.block(0, inputs_, outputs_, 1), shared_.row_of_ones(columns), 1,
                 {to.data, outputs_, columns, outputs_});  // + b 1ᵀ
    if (to.data != g.data) device_.copy(to, g);
  }

  void delta_and_inputs(Real alpha, ConstMatrixView s, ConstMatrixView images, MatrixView part) override {
    const MatrixView left = part.left_cols(inputs_);
    device_.fill(left, 0);
    device_.add_transposed(1, product(alpha, s, images), left);
    device_.gemm(Op::none, Op::transpose, alpha, s, shared_.row_of_ones(s.cols), 0,
                 part.block(0, inputs_, outputs_, 1));  // S 1
  }

  void inputs_and_delta(Real alpha, ConstMatrixView images, ConstMatrixView s, MatrixView part) override {
    device_.copy(product(alpha, s, images), part.top_rows(inputs_));
    device_.gemm(Op::none, Op::transpose, alpha, shared_.row_of_ones(s.cols), s, 0,
                 part.block(inputs_, 0, 1, outputs_));  // 1ᵀ Sᵀ
  }

  void carry(ConstMatrixView weights, ConstMatrixView s, Real beta, MatrixView images) override {
    require(images.contiguous(), "the difference of a convolution's images has gaps");
    set_samples(images.cols);
    const ConstMatrixView w = transposed(weights);
    const Real one = 1;
    check(cudnnConvolutionBackwardData(shared_.handle.get(), &one, descriptors_.weights(), w.data,
                                       descriptors_.outputs(), s.data, descriptors_.convolution(),
                                       plan_->images.algorithm, shared_.workspace.data(), plan_->images.bytes, &beta,
                                       descriptors_.images(), images.data),
          "cudnnConvolutionBackwardData");
  }

 private:
  /// Workspace that an algorithm may have: a fraction of what is free, and no more than helps.
  [[nodiscard]] std::size_t most_bytes() const {
    constexpr std::int64_t enough = std::int64_t{1} << 28;
    return static_cast<std::size_t>(std::min(enough, device_.free_memory().value_or(enough) / 8));
  }

  bool plan(Index samples) {
    descriptors_.set_samples(samples);
    plan_ = plan_convolution(shared_.handle.get(), descriptors_, most_bytes());
    samples_ = samples;
    if (plan_) shared_.workspace.reserve(plan_->bytes());
    return is_planned();
  }

  /// Algorithms and workspace are for a number of samples, which hardly ever changes.
  void set_samples(Index samples) {
    if (samples != samples_ && !plan(samples))
      fail("cudnnGetConvolutionForwardAlgorithm_v7", fmt::format("no algorithm for {} samples", samples));
  }

  [[nodiscard]] ConstMatrixView without_gaps(ConstMatrixView images) {
    if (images.contiguous()) return images;
    const MatrixView packed = shared_.images.of(images.rows, images.cols);
    device_.copy(images, packed);
    return packed;
  }

  /// Wᵀ, inputs × outputs.
  [[nodiscard]] ConstMatrixView transposed(ConstMatrixView weights) {
    const MatrixView w = shared_.weights.of(inputs_, outputs_);
    device_.fill(w, 0);
    device_.add_transposed(1, weights.left_cols(inputs_), w);
    return w;
  }

  /// alpha P Sᵀ, inputs × outputs.
  [[nodiscard]] ConstMatrixView product(Real alpha, ConstMatrixView s, ConstMatrixView images) {
    set_samples(images.cols);
    const ConstMatrixView x = without_gaps(images);
    const MatrixView to = shared_.weights.of(inputs_, outputs_);
    const Real zero = 0;
    check(cudnnConvolutionBackwardFilter(shared_.handle.get(), &alpha, descriptors_.images(), x.data,
                                         descriptors_.outputs(), s.data, descriptors_.convolution(),
                                         plan_->weights.algorithm, shared_.workspace.data(), plan_->weights.bytes,
                                         &zero, descriptors_.weights(), to.data),
          "cudnnConvolutionBackwardFilter");
    return to;
  }

  Shared& shared_;
  CudaDevice& device_;
  Index outputs_;
  Index inputs_;
  Index places_;
  ConvolutionDescriptors descriptors_;
  std::optional<ConvolutionPlan> plan_;
  Index samples_ = 0;  ///< that the plan is for
};

class CudnnLibrary final : public ConvolutionLibrary {
 public:
  CudnnLibrary(CudaDevice& device, CudnnHandle handle, Precision precision)
      : shared_(device, std::move(handle), precision) {}

  std::unique_ptr<ConvolutionProducts> make(const ConvolutionShape& shape) override {
    const Index elements = std::max(shape.window.input.size(), shape.window.places() * shape.outputs) * shape.samples;
    if (elements == 0 || elements > std::numeric_limits<int>::max()) return nullptr;
    auto made = std::make_unique<CudnnConvolution>(shared_, shape);
    if (!made->is_planned()) return nullptr;
    return made;
  }

 private:
  Shared shared_;
};

}  // namespace

std::unique_ptr<ConvolutionLibrary> open_convolution_library(CudaDevice& device, Precision precision) {
  // Of float64 it knows no convolutions with channels running fastest.
  if (sizeof(Real) != sizeof(float)) return nullptr;
  cudnnHandle_t handle = nullptr;
  if (cudnnCreate(&handle) != CUDNN_STATUS_SUCCESS) return nullptr;
  CudnnHandle owned(handle);
  check(cudnnSetStream(handle, device.stream()), "cudnnSetStream");
  return std::make_unique<CudnnLibrary>(device, std::move(owned), precision);
}

}  // namespace sibp::cuda
