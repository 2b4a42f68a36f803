#pragma once

#include "sibp/device/device.hpp"
#include "sibp/device/gpu.hpp"

#include "device/cuda_convolution.hpp"
#include "device/cuda_handles.hpp"
#include "device/cuda_kernels.hpp"
#include "device/cuda_samples.hpp"

#include <initializer_list>
#include <vector>

namespace sibp::cuda {

struct DestroyBlas {
  void operator()(cublasHandle_t handle) const { (void)cublasDestroy(handle); }
};
struct DestroySolver {
  void operator()(cusolverDnHandle_t handle) const { (void)cusolverDnDestroy(handle); }
};
struct DestroySolverParameters {
  void operator()(cusolverDnParams_t parameters) const { (void)cusolverDnDestroyParams(parameters); }
};

/// See make_cuda_device. cuda_device.cpp has the memory, cuda_linear_algebra.cpp what the libraries do, and
/// cuda_elementwise.cpp and cuda_network.cpp what own kernels do.
class CudaDevice final : public Device {
 public:
  CudaDevice(int gpu, Precision precision);
  ~CudaDevice() override;

  [[nodiscard]] std::string description() const override;
  void synchronise() override { wait(); }
  [[nodiscard]] std::optional<std::int64_t> free_memory() const override;
  [[nodiscard]] std::unique_ptr<SampleStore> store(Samples samples) override;
  [[nodiscard]] std::unique_ptr<DataTerm> make_data_term() override;
  [[nodiscard]] std::unique_ptr<ConvolutionProducts> make_convolution(const ConvolutionShape& shape) override;

  [[nodiscard]] cudaStream_t stream() const { return stream_.get(); }
  [[nodiscard]] cublasHandle_t blas() const { return blas_.get(); }
  void make_current() const;
  /// Σ term(r, c, k) over matrices of one shape for every k < count, for the host, until the next sums.
  template <class Term>
  std::span<const double> sums_of(ConstMatrixView shape, Index count, const Term& term) {
    double* sums = results_.data()->sums;
    sum_terms(stream(), shape.rows, shape.cols, count, term, partials_.data(), sums);
    wait();
    return {sums, static_cast<std::size_t>(count)};
  }

 private:
  /// Numbers for the host, in memory that the GPU writes to.
  struct Results {
    DampedFactor factor;
    double sums[most_sums];    // NOLINT(cppcoreguidelines-avoid-c-arrays): written by the GPU
    double loss_and_right[2];  // NOLINT(cppcoreguidelines-avoid-c-arrays)
  };

  /// Returns when all that is queued is done, calling progress() meanwhile: never by a call that could not return if
  /// another rank were lost.
  void wait();
  /// Room in row_numbers_ that nothing uses.
  double* free_row_numbers(std::size_t size);
  /// Queues copies of lists of numbers, one behind the other, to where kernels find them.
  const double* send_numbers(std::initializer_list<std::span<const double>> lists);
  /// The type of products, for the calls of cuBLAS that follow.
  void set_products(bool products);
  void triangular_solve(cublasSideMode_t side, cublasOperation_t op, ConstMatrixView factor, MatrixView x);
  /// Queues the factorisation, and its result for results_.
  void start_cholesky(MatrixView a);
  Real* do_allocate(Index size) override;
  void do_release(Real* data) override;
  std::shared_ptr<std::int32_t[]> do_allocate_labels(Index size) override;
  void do_upload(const Real* from, MatrixView to) override;
  void do_download(ConstMatrixView from, Real* to) override;
  void do_upload_labels(std::span<const std::int32_t> from, std::int32_t* to) override;
  void do_download_labels(const std::int32_t* from, std::span<std::int32_t> to) override;
  void do_copy(ConstMatrixView from, MatrixView to) override;
  void do_fill(MatrixView a, Real value) override;
  void do_scale(Real alpha, MatrixView a) override;
  void do_axpy(Real alpha, ConstMatrixView x, MatrixView y) override;
  void do_add_transposed(Real alpha, ConstMatrixView x, MatrixView y) override;
  double do_sum_of_squares(ConstMatrixView a) override;
  double do_inner_product(ConstMatrixView a, ConstMatrixView b) override;
  void do_gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) override;
  void do_syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) override;
  void do_pack_triangle(ConstMatrixView a, Real* packed) override;
  void do_unpack_triangle(const Real* packed, MatrixView a) override;
  double do_damp(MatrixView a, double absolute, double per_trace) override;
  Index do_cholesky(MatrixView a) override;
  DampedFactor do_damped_cholesky(MatrixView a, double absolute, double per_trace) override;
  void do_solve_right(ConstMatrixView factor, MatrixView x) override;
  void do_solve_triangle(Op op, ConstMatrixView factor, MatrixView x) override;
  void do_row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products) override;
  void do_combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta,
                       MatrixView y) override;
  void do_apply(const ElementOperation& operation) override;
  void do_activate(Activation activation, MatrixView f) override;
  void do_apply_derivative(Activation activation, ConstMatrixView known, ConstMatrixView d, MatrixView s) override;
  void do_unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches) override;
  void do_fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images) override;
  void do_max_pool(const Window& window, ConstMatrixView x, MatrixView y) override;
  void do_max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y, ConstMatrixView dy, Real beta,
                            MatrixView dx) override;
  void do_mean_pool(const Window& window, ConstMatrixView x, MatrixView y) override;
  void do_mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx) override;
  void do_channel_sums(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums) override;
  void do_combine_channels(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x,
                           ConstMatrixView z, Activation activation, Real beta, MatrixView y) override;
  void do_dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y) override;
  void do_softmax_cross_entropy(ConstMatrixView f, const std::int32_t* labels, double smoothing, MatrixView d) override;
  void do_squared_error(ConstMatrixView f, const std::int32_t* labels, MatrixView d) override;
  LossSums do_take_loss_sums() override;
  void do_softmax(MatrixView f) override;
  void do_load_batch(const SampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                     ConstMatrixView scale, MatrixView inputs, std::int32_t* labels,
                     std::span<const PictureChange> changes) override;

  int gpu_;
  Precision precision_;
  std::string name_;
  Stream stream_;  ///< of all operations but load_batch
  Event reached_;
  std::unique_ptr<std::remove_pointer_t<cublasHandle_t>, DestroyBlas> blas_;
  std::unique_ptr<std::remove_pointer_t<cusolverDnHandle_t>, DestroySolver> solver_;
  std::unique_ptr<std::remove_pointer_t<cusolverDnParams_t>, DestroySolverParameters> solver_parameters_;
  PinnedArray<Results> results_;
  DeviceArray<double> partials_;
  DeviceArray<double> losses_;  ///< loss and right answers, until they are taken
  DeviceArray<int> info_;       ///< of the factorisation
  DeviceArray<std::byte> solver_space_;
  std::vector<std::byte> solver_host_space_;
  PinnedArray<double> row_numbers_;       ///< of rows or channels, on their way
  DeviceArray<double> row_factors_;       ///< of rows or channels, or sums of parts
  PinnedArray<std::uint64_t> sent_keys_;  ///< of dropout, on their way
  DeviceArray<std::uint64_t> keys_;
  cuda::BatchLoader loader_;
  std::unique_ptr<ConvolutionLibrary> convolutions_;  ///< opened for the first of them
};

}  // namespace sibp::cuda
