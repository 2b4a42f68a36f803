#include "comm/exact_matrix.hpp"

#include "sibp/core/error.hpp"

#include "comm/mpi_check.hpp"
#include "device/exact_products.hpp"
#include "device/level3.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace sibp {
namespace {

using exact::Lines;

class ExactMatrix final : public ReducibleMatrix {
 public:
  ExactMatrix(Matrix matrix, const MpiComm& ranks, CommunicatorBackend& backend, Index most_samples)
      : matrix_(std::move(matrix)),
        ranks_(ranks),
        backend_(backend),
        most_samples_(most_samples),
        parts_(static_cast<std::size_t>(matrix_.size())) {}

  [[nodiscard]] MatrixView view() override { return matrix_.view(); }

  void set_product(Device&, MatrixView part, Real alpha, ConstMatrixView x, ConstMatrixView y) override {
    require(x.cols == y.cols && part.rows == x.rows && part.cols == y.rows, "exact product: shapes do not fit");
    const double* left = on_common_grid(left_, alpha, x);
    const double* right = on_common_grid(right_, 1, y);
    if (part.empty()) return;
    double* sums = sums_of(part);
    std::fill_n(sums, x.cols == 0 ? part.size() : 0, 0.0);
    if (x.cols > 0) level3::product(Op::none, Op::transpose, {part.rows, part.cols, x.cols}, left, right, sums);
  }

  void set_triangle(Device&, MatrixView packed, ConstMatrixView x, MatrixView) override {
    const double* rounded = on_common_grid(left_, 1, x);
    const Index n = x.rows;
    whole_.resize(static_cast<std::size_t>(n * n));
    double* sums = sums_of(packed);
    std::fill_n(sums, x.cols == 0 ? packed.size() : 0, 0.0);
    if (x.empty()) return;
    level3::triangle(Op::none, n, x.cols, rounded, whole_.data());
    for (Index c = 0; c < n; ++c) sums = std::copy_n(whole_.data() + c * n + c, n - c, sums);
  }

  void start_sum() override {
    require(!under_way_, "an exact matrix takes one sum at a time");
    under_way_ = true;
    if (ranks_.size() == 1) return;
    started_ = MPI_Wtime();
    backend_.bytes_reduced += std::ssize(parts_) * static_cast<std::int64_t>(sizeof(double));
    constexpr std::size_t piece = std::size_t{1} << 19U;  // as in start_library_sum
    for (std::size_t first = 0; first < parts_.size(); first += piece) {
      check(
          MPI_Iallreduce(MPI_IN_PLACE, parts_.data() + first, static_cast<int>(std::min(piece, parts_.size() - first)),
                         MPI_DOUBLE, MPI_SUM, ranks_.get(), &requests_.emplace_back()),
          "MPI_Iallreduce");
    }
  }

  void wait() override {
    if (!under_way_) return;
    under_way_ = false;
    if (!requests_.empty()) {
      backend_.seconds_hidden += MPI_Wtime() - started_;
      check(MPI_Waitall(checked_int(std::ssize(requests_)), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
      requests_.clear();
    }
    std::ranges::transform(parts_, matrix_.view().data, [](double sum) { return static_cast<Real>(sum); });
  }

  [[nodiscard]] bool under_way() const override { return under_way_; }

 private:
  /// alpha x on the grid of all ranks' samples. Collective.
  const double* on_common_grid(exact::Operand& operand, Real alpha, ConstMatrixView x) {
    require(x.cols <= most_samples_, "an exact sum has more samples than it was made for");
    const std::span<std::int32_t> exponents = operand.measure(Lines::rows, alpha, x);
    if (ranks_.size() > 1)
      backend_.all_reduce(exponents.data(), std::ssize(exponents), ElementType::int32, Reduction::max);
    return operand.round(exact::bits_for(most_samples_));
  }

  /// Where the parts of a block of view() are.
  double* sums_of(MatrixView part) {
    require(part.contiguous(), "a part of an exact matrix has no gaps");
    return parts_.data() + (part.data - matrix_.view().data);
  }

  Matrix matrix_;  ///< the sum, once wait() has returned
  const MpiComm& ranks_;
  CommunicatorBackend& backend_;
  Index most_samples_;
  std::vector<double> parts_;  ///< this rank's; then their sum
  std::vector<double> whole_;
  exact::Operand left_;
  exact::Operand right_;
  std::vector<MPI_Request> requests_;
  bool under_way_ = false;
  double started_ = 0;  ///< MPI_Wtime
};

class ExactScatteredSum final : public ScatteredSum {
 public:
  ExactScatteredSum(std::unique_ptr<ReducibleMatrix> whole, int rank) : whole_(std::move(whole)), rank_(rank) {}

  void set_product(Device& device, Real alpha, ConstMatrixView x, ConstMatrixView y) override {
    whole_->set_product(device, whole_->view(), alpha, x, y);
  }
  void start(std::span<const Index> columns, MatrixView mine) override {
    first_ = std::accumulate(columns.begin(), columns.begin() + rank_, Index{0});
    mine_ = mine;
    whole_->start_sum();
  }
  void wait() override {
    if (!under_way()) return;
    whole_->wait();
    const MatrixView all = whole_->view();
    std::copy_n(all.data + first_ * all.rows, mine_.size(), mine_.data);
  }
  [[nodiscard]] bool under_way() const override { return whole_->under_way(); }

 private:
  std::unique_ptr<ReducibleMatrix> whole_;
  std::ptrdiff_t rank_;
  Index first_ = 0;  ///< of this rank's columns
  MatrixView mine_;
};

}  // namespace

std::unique_ptr<ReducibleMatrix> make_exact_matrix(Matrix matrix, const MpiComm& ranks, CommunicatorBackend& backend,
                                                   Index most_samples) {
  return std::make_unique<ExactMatrix>(std::move(matrix), ranks, backend, most_samples);
}

std::unique_ptr<ScatteredSum> make_exact_scattered(Matrix matrix, const MpiComm& ranks, CommunicatorBackend& backend,
                                                   Index most_samples) {
  return std::make_unique<ExactScatteredSum>(make_exact_matrix(std::move(matrix), ranks, backend, most_samples),
                                             ranks.rank());
}

}  // namespace sibp
