#include "device/cpu_device.hpp"

#include "sibp/core/error.hpp"

#include "device/checksum.hpp"
#include "device/cpu_convolution.hpp"
#include "device/cpu_data_term.hpp"
#include "device/cpu_elementwise.hpp"
#include "device/cpu_pictures.hpp"
#include "device/cpu_windows.hpp"
#include "device/eigen_maps.hpp"
#include "device/element_operation.hpp"
#include "device/level3.hpp"
#include "device/level3_panels.hpp"
#include "device/team_work.hpp"

#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

namespace sibp::cpu {
namespace {

/// Vector loads of the widest instruction sets want this alignment, in bytes.
constexpr std::size_t alignment = 64;

class CpuSampleStore final : public SampleStore {
 public:
  explicit CpuSampleStore(Samples stored) : samples(std::move(stored)) {}
  [[nodiscard]] Index size() const override { return samples.size(); }
  [[nodiscard]] TensorShape shape() const override { return samples.shape; }

  Samples samples;
};

}  // namespace

CpuDevice::CpuDevice(int threads) : threads_(threads) {
  level3::set_threads(threads);
}

std::string CpuDevice::description() const {
  const std::string convolutions = convolution_library();
  return "CPU (" + level3::name() + (convolutions.empty() ? "" : "; ") + convolutions + ")";
}

std::unique_ptr<SampleStore> CpuDevice::store(Samples samples) {
  return std::make_unique<CpuSampleStore>(std::move(samples));
}

std::unique_ptr<DataTerm> CpuDevice::make_data_term() {
  return cpu::make_data_term();
}

std::unique_ptr<ConvolutionProducts> CpuDevice::make_convolution(const ConvolutionShape& shape) {
  return cpu::make_convolution(shape, threads_);
}

Real* CpuDevice::do_allocate(Index size) {
  if (size == 0) return nullptr;
  const auto bytes = static_cast<std::size_t>(size) * sizeof(Real);
  void* data = ::operator new(bytes, std::align_val_t(alignment), std::nothrow);
  auto* first = static_cast<Real*>(data);
  if (first != nullptr) std::fill_n(first, size, Real(0));
  return first;
}

void CpuDevice::do_release(Real* data) {
  ::operator delete(data, std::align_val_t(alignment));
}

std::shared_ptr<std::int32_t[]> CpuDevice::do_allocate_labels(Index size) {
  return std::make_shared<std::int32_t[]>(static_cast<std::size_t>(size));
}

void CpuDevice::do_upload(const Real* from, MatrixView to) {
  do_copy({from, to.rows, to.cols, to.rows}, to);
}

void CpuDevice::do_download(ConstMatrixView from, Real* to) {
  do_copy(from, {to, from.rows, from.cols, from.rows});
}

void CpuDevice::do_upload_labels(std::span<const std::int32_t> from, std::int32_t* to) {
  std::copy(from.begin(), from.end(), to);
}

void CpuDevice::do_download_labels(const std::int32_t* from, std::span<std::int32_t> to) {
  std::copy_n(from, to.size(), to.begin());
}

void CpuDevice::do_copy(ConstMatrixView from, MatrixView to) {
  eigen(to) = eigen(from);
}

std::uint64_t CpuDevice::do_checksum(ConstMatrixView a) {
  return checksum_of({a.data, static_cast<std::size_t>(a.size())});
}

void CpuDevice::do_fill(MatrixView a, Real value) {
  eigen(a).setConstant(value);
}

void CpuDevice::do_scale(Real alpha, MatrixView a) {
  eigen(a) *= alpha;
}

void CpuDevice::do_axpy(Real alpha, ConstMatrixView x, MatrixView y) {
  eigen(y) += alpha * eigen(x);
}

void CpuDevice::do_add_transposed(Real alpha, ConstMatrixView x, MatrixView y) {
  // In tiles that fit the cache: one of the two matrices is walked across its columns.
  constexpr Index tile = 32;
  for (Index c = 0; c < y.cols; c += tile) {
    const Index n_cols = std::min(tile, y.cols - c);
    for (Index r = 0; r < y.rows; r += tile) {
      const Index n_rows = std::min(tile, y.rows - r);
      eigen(y.block(r, c, n_rows, n_cols)) += alpha * eigen(x.block(c, r, n_cols, n_rows)).transpose();
    }
  }
}

double CpuDevice::do_sum_of_squares(ConstMatrixView a) {
  return cpu::inner_product(a, a);
}

double CpuDevice::do_inner_product(ConstMatrixView a, ConstMatrixView b) {
  return cpu::inner_product(a, b);
}

void CpuDevice::do_gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) {
  if (progress()) {
    level3_panels::gemm(progress(), op_a, op_b, alpha, a, b, beta, c);
  } else {
    level3::gemm(op_a, op_b, alpha, a, b, beta, c);
  }
}

void CpuDevice::do_syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) {
  if (progress()) {
    level3_panels::syrk(progress(), op, alpha, a, beta, c);
  } else {
    level3::syrk(op, alpha, a, beta, c);
  }
}

void CpuDevice::do_pack_triangle(ConstMatrixView a, Real* packed) {
  for (Index c = 0; c < a.cols; ++c) packed = std::copy_n(&a(c, c), a.rows - c, packed);
}

void CpuDevice::do_unpack_triangle(const Real* packed, MatrixView a) {
  for (Index c = 0; c < a.cols; packed += a.rows - c, ++c) std::copy_n(packed, a.rows - c, &a(c, c));
}

double CpuDevice::do_damp(MatrixView a, double absolute, double per_trace) {
  auto diagonal = eigen(a).diagonal();
  const double lambda = absolute + per_trace * diagonal.cast<double>().sum();
  diagonal.array() += static_cast<Real>(lambda);
  return lambda;
}

Index CpuDevice::do_cholesky(MatrixView a) {
  return failed_minor(progress() ? level3_panels::cholesky(progress(), a) : level3::cholesky(a), a);
}

Index CpuDevice::failed_minor(Index of_library, ConstMatrixView factor) {
  if (of_library != 0) return of_library;
  for (Index i = 0; i < factor.rows; ++i) {
    if (!(factor(i, i) > Real(0))) return i + 1;  // nor is a NaN
  }
  return 0;
}

void CpuDevice::do_solve_right(ConstMatrixView factor, MatrixView x) {
  if (progress()) {
    level3_panels::solve_right(progress(), factor, x);
  } else {
    level3::solve_right(factor, x);
  }
}

void CpuDevice::do_solve_left(ConstMatrixView factor, MatrixView x) {
  if (progress()) {
    level3_panels::solve_left(progress(), factor, x);
  } else {
    level3::solve_left(factor, x);
  }
}

void CpuDevice::do_solve_triangle(Op op, ConstMatrixView factor, MatrixView x) {
  if (progress()) {
    level3_panels::solve_triangle(progress(), op, factor, x);
  } else {
    level3::solve_triangle(op, factor, x);
  }
}

void CpuDevice::do_row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products) {
  cpu::row_inner_products(a, b, products);
}

void CpuDevice::do_combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta,
                                MatrixView y) {
  cpu::combine_rows(alpha, x, beta, y);
}

void CpuDevice::do_apply(const ElementOperation& operation) {
  operation.run();
}

void CpuDevice::do_activate(Activation activation, MatrixView f) {
  cpu::activate(activation, f);
}

void CpuDevice::do_apply_derivative(Activation activation, ConstMatrixView known, ConstMatrixView d, MatrixView s) {
  cpu::apply_derivative(activation, known, d, s);
}

void CpuDevice::do_unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches) {
  cpu::unfold(window, images, first, patches);
}

void CpuDevice::do_fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images) {
  cpu::fold(window, patches, first, images);
}

void CpuDevice::do_max_pool(const Window& window, ConstMatrixView x, MatrixView y) {
  cpu::max_pool(window, x, y);
}

void CpuDevice::do_max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y, ConstMatrixView dy,
                                     Real beta, MatrixView dx) {
  cpu::max_pool_backward(window, x, y, dy, beta, dx);
}

void CpuDevice::do_mean_pool(const Window& window, ConstMatrixView x, MatrixView y) {
  cpu::mean_pool(window, x, y);
}

void CpuDevice::do_mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx) {
  cpu::mean_pool_backward(window, dy, beta, dx);
}

void CpuDevice::do_channel_sums(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums) {
  channel_sums_(channels, x, z, sums);
}

void CpuDevice::do_combine_channels(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x,
                                    ConstMatrixView z, Activation activation, Real beta, MatrixView y) {
  combine_channels_(channels, coefficients, x, z, activation, beta, y);
}

void CpuDevice::do_dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y) {
  cpu::dropout(rate, keys, x, y);
}

template <class Work>
void CpuDevice::add_losses(Index samples, const Work& work) {
  for (Index c = 0; c < samples; ++c) {
    const work::SampleLoss sample = work(work::Alone(), c);
    sums_.loss += rounded_loss(sample.loss);
    sums_.correct += static_cast<Index>(sample.correct);
  }
}

void CpuDevice::do_softmax_cross_entropy(ConstMatrixView f, const std::int32_t* labels, double smoothing,
                                         MatrixView d) {
  add_losses(f.cols, work::SoftmaxCrossEntropy{f, labels, smoothing, d});
}

void CpuDevice::do_squared_error(ConstMatrixView f, const std::int32_t* labels, MatrixView d) {
  add_losses(f.cols, work::SquaredError{f, labels, d});
}

LossSums CpuDevice::do_take_loss_sums() {
  return std::exchange(sums_, {});
}

void CpuDevice::do_softmax(MatrixView f) {
  for (Index c = 0; c < f.cols; ++c) work::Softmax{f}(work::Alone(), c);
}

void CpuDevice::do_load_batch(const SampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                              ConstMatrixView scale, MatrixView inputs, std::int32_t* labels,
                              std::span<const PictureChange> changes) {
  const auto& stored = dynamic_cast<const CpuSampleStore&>(samples).samples;
  const auto normalise = [&]<class T>(std::span<const T> sample, Real* to) {
    using Stored = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
    Eigen::Map<Eigen::Array<Real, Eigen::Dynamic, 1>>(to, stored.features()) =
        eigen(scale).array() * (Stored(sample.data(), stored.features()).template cast<Real>() - eigen(shift).array());
  };
  std::vector<Real> unchanged(changes.empty() ? 0 : static_cast<std::size_t>(stored.features()));
  for (std::size_t k = 0; k < columns.size(); ++k) {
    Real* const input = &inputs(0, static_cast<Index>(k));
    Real* const normalised = changes.empty() ? input : unchanged.data();
    if (stored.type == FeatureType::byte) {
      normalise(stored.sample(columns[k]), normalised);
    } else {
      normalise(stored.floats(columns[k]), normalised);
    }
    if (!changes.empty()) change_picture(changes[k], stored.shape, unchanged.data(), input);
    labels[k] = stored.labels[static_cast<std::size_t>(columns[k])];
  }
}

}  // namespace sibp::cpu

namespace sibp {

std::optional<std::string> cpu_device_advice() {
  return level3::advice();
}

std::unique_ptr<Device> make_cpu_device(int threads) {
  return std::make_unique<cpu::CpuDevice>(threads);
}

}  // namespace sibp
