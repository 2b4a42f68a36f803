// The processors in reproducible mode: what becomes of a column depends on that column alone, not on its neighbours,
// its place or the number of threads.
#include "device/cpu_device.hpp"
#include "device/exact_products.hpp"
#include "device/level3.hpp"

#include <algorithm>

namespace sibp {
namespace {

using exact::Lines;

class ReproducibleDevice final : public cpu::CpuDevice {
 public:
  explicit ReproducibleDevice(int threads) : CpuDevice(std::max(threads, 1)) {}

  [[nodiscard]] std::string description() const override { return "CPU (" + level3::name() + ", exact products)"; }
  /// Patches: the library's products are rounded.
  [[nodiscard]] std::unique_ptr<ConvolutionProducts> make_convolution(const ConvolutionShape&) override {
    return nullptr;
  }
  /// Those of the processors are rounded, too.
  [[nodiscard]] std::unique_ptr<DataTerm> make_data_term() override { return nullptr; }
  [[nodiscard]] bool has_solve_right() const override { return false; }

 private:
  void do_gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) override {
    const Index terms = op_a == Op::none ? a.cols : a.rows;
    const int bits = exact::bits_for(terms);
    left_.measure(op_a == Op::none ? Lines::rows : Lines::columns, 1, a);
    right_.measure(op_b == Op::none ? Lines::columns : Lines::rows, 1, b);
    product_.resize(static_cast<std::size_t>(c.size()));
    level3::product(op_a, op_b, {c.rows, c.cols, terms}, left_.round(bits), right_.round(bits), product_.data());
    add_product(alpha, beta, c, 0);
  }

  void do_syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) override {
    const Index terms = op == Op::none ? a.cols : a.rows;
    left_.measure(op == Op::none ? Lines::rows : Lines::columns, 1, a);
    product_.resize(static_cast<std::size_t>(c.size()));
    if (a.empty()) {
      std::ranges::fill(product_, 0.0);
    } else {
      level3::triangle(op, c.rows, terms, left_.round(exact::bits_for(terms)), product_.data());
    }
    add_product(alpha, beta, c, 1);
  }

  /// c ← alpha product + beta c; with below_diagonal 1, of the lower triangle.
  void add_product(Real alpha, Real beta, MatrixView c, Index below_diagonal) {
    const auto factor = static_cast<double>(alpha);
    for (Index col = 0; col < c.cols; ++col) {
      const double* from = product_.data() + col * c.rows;
      Real* to = &c(0, col);
      const Index first = below_diagonal * col;
      if (beta == Real(0)) {
        for (Index r = first; r < c.rows; ++r) to[r] = static_cast<Real>(factor * from[r]);
      } else {
        for (Index r = first; r < c.rows; ++r) to[r] = beta * to[r] + static_cast<Real>(factor * from[r]);
      }
    }
  }

  /// Of a matrix that all ranks have, by one thread: the library's factor depends on how many there are.
  Index do_cholesky(MatrixView a) override {
    return with_one_thread([&] { return failed_minor(level3::cholesky(a), a); });
  }

  void do_solve_left(ConstMatrixView factor, MatrixView x) override {
    invert_diagonal(factor);
    solve_with_factor(factor, x);
    solve_with_transpose(factor, x);
  }

  void do_solve_triangle(Op op, ConstMatrixView factor, MatrixView x) override {
    invert_diagonal(factor);
    if (op == Op::none) {
      solve_with_factor(factor, x);
    } else {
      solve_with_transpose(factor, x);
    }
  }

  /// Block by block, so that products do the work: X_k ← L_kk⁻¹ X_k, then X_j ← X_j − L_jk X_k for the blocks below.
  void solve_with_factor(ConstMatrixView factor, MatrixView x) {
    for (Index k = 0; k < blocks_of(factor); ++k) {
      const auto [first, size, below] = block_of(factor, k);
      const MatrixView part = x.block(first, 0, size, x.cols);
      do_gemm(Op::transpose, Op::none, 1, inverse(k, size), part, 0, part);
      if (below == 0) break;
      do_gemm(Op::none, Op::none, -1, factor.block(first + size, first, below, size), part, 1,
              x.block(first + size, 0, below, x.cols));
    }
  }

  /// The same with Lᵀ, from the last block to the first.
  void solve_with_transpose(ConstMatrixView factor, MatrixView x) {
    for (Index k = blocks_of(factor); k-- > 0;) {
      const auto [first, size, below] = block_of(factor, k);
      const MatrixView part = x.block(first, 0, size, x.cols);
      do_gemm(Op::none, Op::none, 1, inverse(k, size), part, 0, part);
      if (first == 0) break;
      do_gemm(Op::transpose, Op::none, -1, factor.block(first, 0, size, first), part, 1, x.block(0, 0, first, x.cols));
    }
  }

  static constexpr Index block = 128;
  static Index blocks_of(ConstMatrixView factor) { return (factor.rows + block - 1) / block; }
  struct Block {
    Index first, size, below;
  };
  static Block block_of(ConstMatrixView factor, Index k) {
    const Index size = std::min(block, factor.rows - k * block);
    return {k * block, size, factor.rows - k * block - size};
  }

  /// The k-th block L_kk⁻ᵀ.
  MatrixView inverse(Index k, Index size) { return {inverses_.data() + k * block * block, size, size, size}; }

  void invert_diagonal(ConstMatrixView factor) {
    const Index blocks = (factor.rows + block - 1) / block;
    inverses_.assign(static_cast<std::size_t>(blocks * block * block), 0);
    with_one_thread([&] {
      for (Index k = 0; k < blocks; ++k) {
        const auto [first, size, below] = block_of(factor, k);
        const MatrixView identity = inverse(k, size);
        for (Index i = 0; i < size; ++i) identity(i, i) = 1;
        level3::divide_by_transpose(factor.block(first, first, size, size), identity);
      }
      return 0;
    });
  }

  template <class Work>
  Index with_one_thread(const Work& work) {
    level3::set_threads(1);
    const Index result = work();
    level3::set_threads(threads());
    return result;
  }

  [[nodiscard]] double rounded_loss(double loss) const override { return exact::on_grid_of_losses(loss); }

  exact::Operand left_;
  exact::Operand right_;
  std::vector<double> product_;
  std::vector<Real> inverses_;  ///< of the transposed diagonal blocks of a factor
};

}  // namespace

std::unique_ptr<Device> make_reproducible_device(int threads) {
  return std::make_unique<ReproducibleDevice>(threads);
}

}  // namespace sibp
