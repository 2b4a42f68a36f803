#pragma once

#include "sibp/device/device.hpp"

#include "device/cpu_channels.hpp"

namespace sibp::cpu {

/// See make_cpu_device.
class CpuDevice : public Device {
 public:
  explicit CpuDevice(int threads);

  [[nodiscard]] std::string description() const override;
  [[nodiscard]] std::unique_ptr<SampleStore> store(Samples samples) override;
  [[nodiscard]] std::unique_ptr<DataTerm> make_data_term() override;
  [[nodiscard]] std::unique_ptr<ConvolutionProducts> make_convolution(const ConvolutionShape& shape) override;

 protected:
  Real* do_allocate(Index size) override;
  void do_release(Real* data) override;
  std::shared_ptr<std::int32_t[]> do_allocate_labels(Index size) override;
  void do_upload(const Real* from, MatrixView to) override;
  void do_download(ConstMatrixView from, Real* to) override;
  void do_upload_labels(std::span<const std::int32_t> from, std::int32_t* to) override;
  void do_download_labels(const std::int32_t* from, std::span<std::int32_t> to) override;
  void do_copy(ConstMatrixView from, MatrixView to) override;
  std::uint64_t do_checksum(ConstMatrixView a) override;
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
  void do_solve_right(ConstMatrixView factor, MatrixView x) override;
  void do_solve_left(ConstMatrixView factor, MatrixView x) override;
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

  /// What cholesky() returns, from what the library says of the factor: some let a NaN pass.
  static Index failed_minor(Index of_library, ConstMatrixView factor);

  /// The loss of a sample as it joins the sums.
  [[nodiscard]] virtual double rounded_loss(double loss) const { return loss; }

  /// Those it was made with.
  [[nodiscard]] int threads() const { return threads_; }

 private:
  template <class Work>
  void add_losses(Index samples, const Work& work);

  int threads_;
  ChannelSums channel_sums_;
  CombineChannels combine_channels_;
  LossSums sums_;  ///< of the losses, until they are taken
};

}  // namespace sibp::cpu
