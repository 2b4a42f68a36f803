#include "device/level3_panels.hpp"

#include <algorithm>

namespace sibp::level3_panels {
namespace {

/// Of triangles, which are cut along both sides.
constexpr Index triangle_panel = 512;

/// Lines of a panel, where each takes so many operations.
Index lines_of_panel(double flops_of_line, Index fewest = 128) {
  constexpr double flops_of_panel = 1e8;
  return std::max(fewest, static_cast<Index>(flops_of_panel / flops_of_line));
}

/// work(first, n) for the panels of `lines` lines.
template <class Work>
void for_panels(const Progress& progress, Index lines, Index panel, const Work& work) {
  for (Index first = 0; first < lines; first += panel) {
    work(first, std::min(panel, lines - first));
    progress();
  }
}

}  // namespace

void gemm(const Progress& progress, Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta,
          MatrixView c) {
  // Every panel packs an operand again, and rows of C do not lie together, so thin ones are slow: 4000 × 3073 × 250
  // takes 29 ms as a whole, 31 in panels of 256 columns or 1024 rows, 34 in panels of 128 rows.
  constexpr Index fewest_cols = 256;
  constexpr Index fewest_rows = 1024;
  const auto inner = static_cast<double>(op_a == Op::none ? a.cols : a.rows);
  if (c.cols < 2 * fewest_cols) {
    const Index panel = lines_of_panel(2 * inner * static_cast<double>(c.cols), fewest_rows);
    for_panels(progress, c.rows, panel, [&](Index first, Index n) {
      const auto rows = op_a == Op::none ? a.block(first, 0, n, a.cols) : a.block(0, first, a.rows, n);
      level3::gemm(op_a, op_b, alpha, rows, b, beta, c.block(first, 0, n, c.cols));
    });
  } else {
    const Index panel = lines_of_panel(2 * inner * static_cast<double>(c.rows), fewest_cols);
    for_panels(progress, c.cols, panel, [&](Index first, Index n) {
      const auto cols = op_b == Op::none ? b.block(0, first, b.rows, n) : b.block(first, 0, n, b.cols);
      level3::gemm(op_a, op_b, alpha, a, cols, beta, c.block(0, first, c.rows, n));
    });
  }
}

void syrk(const Progress& progress, Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) {
  const auto part = [&](Index first, Index n) {
    return op == Op::none ? a.block(first, 0, n, a.cols) : a.block(0, first, a.rows, n);
  };
  const Op other = op == Op::none ? Op::transpose : Op::none;
  // Panels of columns: a triangle on the diagonal, and the block below it.
  for_panels(progress, c.cols, triangle_panel, [&](Index first, Index n) {
    const Index below = first + n;
    level3::syrk(op, alpha, part(first, n), beta, c.block(first, first, n, n));
    if (below == c.rows) return;
    gemm(progress, op, other, alpha, part(below, c.rows - below), part(first, n), beta,
         c.block(below, first, c.rows - below, n));
  });
}

Index cholesky(const Progress& progress, MatrixView a) {
  for (Index first = 0; first < a.rows; first += triangle_panel) {
    const Index n = std::min(triangle_panel, a.rows - first);
    const Index below = a.rows - first - n;
    const MatrixView diagonal = a.block(first, first, n, n);
    if (const Index failed = level3::cholesky(diagonal); failed != 0) return first + failed;
    if (below == 0) break;
    const MatrixView left = a.block(first + n, first, below, n);
    for_panels(progress, below, lines_of_panel(static_cast<double>(n * n)), [&](Index row, Index rows) {
      level3::divide_by_transpose(diagonal, left.block(row, 0, rows, n));  // L₂₁ = A₂₁ L₁₁⁻ᵀ
    });
    syrk(progress, Op::none, -1, left, 1, a.block(first + n, first + n, below, below));  // A₂₂ − L₂₁ L₂₁ᵀ
  }
  return 0;
}

void solve_right(const Progress& progress, ConstMatrixView factor, MatrixView x) {
  const double flops_of_row = 2.0 * static_cast<double>(factor.rows) * static_cast<double>(factor.rows);
  for_panels(progress, x.rows, lines_of_panel(flops_of_row),
             [&](Index first, Index n) { level3::solve_right(factor, x.block(first, 0, n, x.cols)); });
}

void solve_left(const Progress& progress, ConstMatrixView factor, MatrixView x) {
  const double flops_of_column = 2.0 * static_cast<double>(factor.rows) * static_cast<double>(factor.rows);
  for_panels(progress, x.cols, lines_of_panel(flops_of_column),
             [&](Index first, Index n) { level3::solve_left(factor, x.block(0, first, x.rows, n)); });
}

void solve_triangle(const Progress& progress, Op op, ConstMatrixView factor, MatrixView x) {
  const double flops_of_column = static_cast<double>(factor.rows) * static_cast<double>(factor.rows);
  for_panels(progress, x.cols, lines_of_panel(flops_of_column),
             [&](Index first, Index n) { level3::solve_triangle(op, factor, x.block(0, first, x.rows, n)); });
}

}  // namespace sibp::level3_panels
