#include "comm/mpi/exact_matrix.hpp"

#include "sibp/core/error.hpp"

#include "comm/mpi/calls.hpp"
#include "comm/mpi/staged_sum.hpp"
#include "device/exact_products.hpp"
#include "device/level3.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace sibp {
namespace {

using exact::Lines;

class ExactMatrix final : public AllReduce {
 public:
  ExactMatrix(Matrix matrix, const MpiComm& ranks, CommunicatorBackend& backend, Index most_samples, Root root)
      : matrix_(std::move(matrix)),
        ranks_(ranks),
        backend_(backend),
        most_samples_(most_samples),
        root_(root),
        parts_(static_cast<std::size_t>(matrix_.size())) {}

  [[nodiscard]] MatrixView view() override { return matrix_.view(); }

  using AllReduce::set_product;
  void set_product(Device&, MatrixView part, Real alpha, const ColumnSource& source) override {
    agree_on_grids(alpha, source, part.rows, part.cols);
    double* sums = sums_of(part);
    std::fill_n(sums, part.size(), 0.0);
    const auto add = [&](ConstMatrixView x, ConstMatrixView y) {
      require(x.cols == y.cols, "exact product: shapes do not fit");
      if (x.cols == 0 || part.empty()) return;
      const double* left = on_grid(left_, alpha, x, left_exponents_, source);
      const double* right = on_grid(right_, 1, y, right_exponents_, source);
      product_.resize(static_cast<std::size_t>(part.size()));
      level3::product(Op::none, Op::transpose, {part.rows, part.cols, x.cols}, left, right, product_.data());
      for (Index k = 0; k < part.size(); ++k) sums[k] += product_[static_cast<std::size_t>(k)];
    };
    source.for_each(std::ref(add));
  }

  void set_triangle(Device&, MatrixView packed, const ColumnSource& source, MatrixView whole) override {
    const Index n = whole.rows;
    agree_on_grids(1, source, n, n);
    double* sums = sums_of(packed);
    std::fill_n(sums, packed.size(), 0.0);
    const auto add = [&](ConstMatrixView x, ConstMatrixView) {
      if (x.empty()) return;
      product_.resize(static_cast<std::size_t>(n * n));
      level3::triangle(Op::none, n, x.cols, on_grid(left_, 1, x, left_exponents_, source), product_.data());
      double* to = sums;
      for (Index c = 0; c < n; ++c)
        for (Index r = c; r < n; ++r) *to++ += product_[static_cast<std::size_t>(c * n + r)];
    };
    source.for_each(std::ref(add));
  }

  void start() override {
    require(!under_way_, "an exact matrix takes one sum at a time");
    under_way_ = true;
    if (ranks_.size() == 1) return;
    started_ = MPI_Wtime();
    backend_.traffic().add_reduced(std::ssize(parts_) * static_cast<std::int64_t>(sizeof(double)) / (root_ ? 2 : 1));
    start_library_sum(std::span(parts_), ranks_.get(), root_, requests_);
  }

  void wait() override {
    if (!under_way_) return;
    under_way_ = false;
    if (!requests_.empty()) {
      const TimedWait timed(backend_.traffic(), root_ ? Collective::reduce : Collective::all_reduce, started_);
      check(MPI_Waitall(checked_int(std::ssize(requests_)), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
      requests_.clear();
    }
    std::ranges::transform(parts_, matrix_.view().data, [](double sum) { return static_cast<Real>(sum); });
  }

  [[nodiscard]] bool under_way() const override { return under_way_; }

 private:
  /// Finds the exponents of the rows of alpha X and of Y over all blocks and ranks. Collective.
  void agree_on_grids(Real alpha, const ColumnSource& source, Index rows_of_x, Index rows_of_y) {
    constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
    left_exponents_.assign(static_cast<std::size_t>(rows_of_x), lowest);
    right_exponents_.assign(static_cast<std::size_t>(rows_of_y), lowest);
    Index columns = 0;
    const auto measure = [&](ConstMatrixView x, ConstMatrixView y) {
      require(x.rows == rows_of_x && y.rows == rows_of_y, "exact product: shapes do not fit");
      raise(left_exponents_, left_.measure(Lines::rows, alpha, x));
      raise(right_exponents_, right_.measure(Lines::rows, 1, y));
      columns += x.cols;
    };
    source.for_each(std::ref(measure));
    require(columns <= most_samples_ * source.per_sample, "an exact sum has more columns than it was made for");
    if (ranks_.size() == 1) return;
    for (auto* exponents : {&left_exponents_, &right_exponents_})
      backend_.all_reduce(exponents->data(), std::ssize(*exponents), ElementType::int32, Reduction::max);
  }

  static void raise(std::vector<std::int32_t>& exponents, std::span<const std::int32_t> of_block) {
    std::ranges::transform(exponents, of_block, exponents.begin(),
                           [](std::int32_t a, std::int32_t b) { return std::max(a, b); });
  }

  /// A block on the grid of all.
  const double* on_grid(exact::Operand& operand, Real alpha, ConstMatrixView x,
                        const std::vector<std::int32_t>& exponents, const ColumnSource& source) const {
    std::ranges::copy(exponents, operand.measure(Lines::rows, alpha, x).begin());
    return operand.round(exact::bits_for(most_samples_ * source.per_sample));
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
  Root root_;
  std::vector<double> parts_;    ///< this rank's; then their sum
  std::vector<double> product_;  ///< of a block
  exact::Operand left_;
  exact::Operand right_;
  std::vector<std::int32_t> left_exponents_;
  std::vector<std::int32_t> right_exponents_;
  std::vector<MPI_Request> requests_;
  bool under_way_ = false;
  double started_ = 0;  ///< MPI_Wtime
};

class ExactReduceScatter final : public ReduceScatter {
 public:
  ExactReduceScatter(std::unique_ptr<AllReduce> whole, int rank) : whole_(std::move(whole)), rank_(rank) {}

  void set_product(Device& device, Real alpha, const ColumnSource& source) override {
    whole_->set_product(device, whole_->view(), alpha, source);
  }
  void start(std::span<const Index> columns, MatrixView mine) override {
    first_ = std::accumulate(columns.begin(), columns.begin() + rank_, Index{0});
    mine_ = mine;
    whole_->start();
  }
  void wait() override {
    if (!under_way()) return;
    whole_->wait();
    const MatrixView all = whole_->view();
    std::copy_n(all.data + first_ * all.rows, mine_.size(), mine_.data);
  }
  [[nodiscard]] bool under_way() const override { return whole_->under_way(); }

 private:
  std::unique_ptr<AllReduce> whole_;
  std::ptrdiff_t rank_;
  Index first_ = 0;  ///< of this rank's columns
  MatrixView mine_;
};

}  // namespace

std::unique_ptr<AllReduce> make_exact_matrix(Matrix matrix, const MpiComm& ranks, CommunicatorBackend& backend,
                                             Index most_samples, Root root) {
  return std::make_unique<ExactMatrix>(std::move(matrix), ranks, backend, most_samples, root);
}

std::unique_ptr<ReduceScatter> make_exact_reduce_scatter(Matrix matrix, const MpiComm& ranks,
                                                         CommunicatorBackend& backend, Index most_samples) {
  return std::make_unique<ExactReduceScatter>(make_exact_matrix(std::move(matrix), ranks, backend, most_samples),
                                              ranks.rank());
}

}  // namespace sibp
