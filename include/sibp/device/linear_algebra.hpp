#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/matrix.hpp"
#include "sibp/device/optimiser_steps.hpp"
#include "sibp/device/samples.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace sibp {

class ElementOperation;

/// op(A) is A or Aᵀ.
enum class Op { none, transpose };

/// What became of damping and factorising a matrix.
struct DampedFactor {
  double lambda = 0;       ///< as damp() returns it
  Index failed_minor = 0;  ///< as cholesky() returns it
};

/// Memory and the operations on whole matrices that updates are made of. Every call is Local.
///
/// The public functions check shapes, deal with empty input and then call the private do_ function of the device, which
/// may rely on both. All throw Error (runtime) if shapes do not fit each other. Views of an output must not overlap an
/// input, unless the function says so.
class LinearAlgebra {
 public:
  LinearAlgebra() = default;
  LinearAlgebra(const LinearAlgebra&) = delete;
  LinearAlgebra& operator=(const LinearAlgebra&) = delete;
  virtual ~LinearAlgebra() = default;

  /// What the device is and which library does its products, for people.
  [[nodiscard]] virtual std::string description() const = 0;

  /// Returns when all that was asked of the device is done.
  virtual void synchronise() {}

  /// Calls `progress` now and then during long operations, for whoever has something under way meanwhile; null: nobody.
  void set_progress(std::function<void()> progress) { progress_ = std::move(progress); }

  // --- memory ---

  /// A rows × cols matrix of zeros in the device's memory. Throws Error (runtime) naming the size if there is no room.
  [[nodiscard]] Matrix allocate(Index rows, Index cols);
  /// Bytes that allocate() still finds; nothing where that is not known.
  [[nodiscard]] virtual std::optional<std::int64_t> free_memory() const { return std::nullopt; }
  /// Room for `size` labels, all 0.
  [[nodiscard]] std::shared_ptr<std::int32_t[]> allocate_labels(Index size);
  /// to ← from; `from` is host memory, column-major without gaps.
  void upload(std::span<const Real> from, MatrixView to);
  /// to ← from; `to` is host memory, column-major without gaps.
  void download(ConstMatrixView from, std::span<Real> to);
  /// to ← labels; `from` is host memory.
  void upload_labels(std::span<const std::int32_t> from, LabelView to);
  /// to ← labels; `to` is host memory.
  void download_labels(ConstLabelView from, std::span<std::int32_t> to);
  /// to ← from, of equal shape.
  void copy(ConstMatrixView from, MatrixView to);
  /// every element of a ← value.
  void fill(MatrixView a, Real value);

  /// XXH3 over the bytes of a matrix without gaps: equal for equal bits, and for others as good as never.
  [[nodiscard]] std::uint64_t checksum(ConstMatrixView a);

  // --- linear algebra ---

  /// a ← alpha a.
  void scale(Real alpha, MatrixView a);
  /// y ← y + alpha x, of equal shape.
  void axpy(Real alpha, ConstMatrixView x, MatrixView y);
  /// y ← y + alpha xᵀ, x n × m and y m × n.
  void add_transposed(Real alpha, ConstMatrixView x, MatrixView y);
  /// Σ aᵢⱼ², accumulated in double.
  [[nodiscard]] double sum_of_squares(ConstMatrixView a);
  /// Σ aᵢⱼ bᵢⱼ of matrices of equal shape, accumulated in double.
  [[nodiscard]] double inner_product(ConstMatrixView a, ConstMatrixView b);
  /// c ← alpha op_a(a) op_b(b) + beta c, where op_a(a) is m × k, op_b(b) is k × n and c is m × n.
  /// beta = 0 overwrites c, whatever it holds; k = 0 leaves beta c. 2mnk flops.
  void gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c);
  /// Lower triangle of c ← alpha a aᵀ + beta c (Op::none, a is n × k) or alpha aᵀ a + beta c (Op::transpose, a is k ×
  /// n); c is n × n and its strict upper triangle is not touched. beta as in gemm. n²k flops.
  void syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c);
  /// packed ← the lower triangle of a, column by column without gaps; a is n × n, packed n(n+1)/2 × 1.
  void pack_triangle(ConstMatrixView a, MatrixView packed);
  /// The other way round; the strict upper triangle of a is not touched.
  void unpack_triangle(ConstMatrixView packed, MatrixView a);
  /// a ← a + λ I with λ = absolute + per_trace · trace(a); a is n × n. Returns λ.
  double damp(MatrixView a, double absolute, double per_trace);
  /// Cholesky factor of the symmetric n × n matrix whose lower triangle is in a: a = L Lᵀ, and L replaces the triangle.
  /// Returns 0, or the order of the first leading minor that is not positive definite (a NaN is not). n³/3 flops.
  [[nodiscard]] Index cholesky(MatrixView a);
  /// damp(), then cholesky(), with one wait for both results where the program has to wait for a device.
  [[nodiscard]] DampedFactor damped_cholesky(MatrixView a, double absolute, double per_trace);
  /// Whether the device has solve_right().
  [[nodiscard]] virtual bool has_solve_right() const { return true; }
  /// x ← x (L Lᵀ)⁻¹ with L the lower triangle of `factor` (n × n) and x m × n. 2mn² flops.
  void solve_right(ConstMatrixView factor, MatrixView x);
  /// x ← (L Lᵀ)⁻¹ x with L the lower triangle of `factor` (n × n) and x n × m. 2mn² flops.
  void solve_left(ConstMatrixView factor, MatrixView x);
  /// x ← op(L)⁻¹ x, half of solve_left. mn² flops.
  void solve_triangle(Op op, ConstMatrixView factor, MatrixView x);

  // --- rows: systems that are solved side by side ---

  /// products[r] ← Σ_c a(r, c) b(r, c), accumulated in double; `products` is host memory.
  void row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products);
  /// y ← diag(alpha) x + diag(beta) y, of equal shape; alpha and beta have a number for each row, in host memory.
  void combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta, MatrixView y);

  // --- element by element ---

  /// What device/element_operation.hpp makes of a functor: the way of operations that need no function of their own in
  /// each device.
  void apply(const ElementOperation& operation);

  /// One step of gradient descent with momentum: v and W in place. All are of one shape.
  void momentum_step(const MomentumStep& step, ConstMatrixView gradient, MatrixView velocity, MatrixView weights);
  /// One step of Adam: its moments m and v and W in place. All are of one shape.
  void adam_step(const AdamStep& step, ConstMatrixView gradient, MatrixView first, MatrixView second,
                 MatrixView weights);

 protected:
  /// Null unless somebody has something under way.
  [[nodiscard]] const std::function<void()>& progress() const { return progress_; }

 private:
  virtual Real* do_allocate(Index size) = 0;  ///< zeroed; nullptr if there is no room
  virtual void do_release(Real* data) = 0;
  virtual std::shared_ptr<std::int32_t[]> do_allocate_labels(Index size) = 0;
  virtual void do_upload(const Real* from, MatrixView to) = 0;
  virtual void do_download(ConstMatrixView from, Real* to) = 0;
  virtual void do_upload_labels(std::span<const std::int32_t> from, std::int32_t* to) = 0;
  virtual void do_download_labels(const std::int32_t* from, std::span<std::int32_t> to) = 0;
  virtual void do_copy(ConstMatrixView from, MatrixView to) = 0;
  virtual std::uint64_t do_checksum(ConstMatrixView a);  ///< by way of host memory, unless overridden
  virtual void do_fill(MatrixView a, Real value) = 0;
  virtual void do_scale(Real alpha, MatrixView a) = 0;
  virtual void do_axpy(Real alpha, ConstMatrixView x, MatrixView y) = 0;
  virtual void do_add_transposed(Real alpha, ConstMatrixView x, MatrixView y) = 0;
  virtual double do_sum_of_squares(ConstMatrixView a) = 0;
  virtual double do_inner_product(ConstMatrixView a, ConstMatrixView b) = 0;
  virtual void do_gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) = 0;
  virtual void do_syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) = 0;
  virtual void do_pack_triangle(ConstMatrixView a, Real* packed) = 0;
  virtual void do_unpack_triangle(const Real* packed, MatrixView a) = 0;
  virtual double do_damp(MatrixView a, double absolute, double per_trace) = 0;
  virtual Index do_cholesky(MatrixView a) = 0;
  virtual DampedFactor do_damped_cholesky(MatrixView a, double absolute, double per_trace);
  virtual void do_solve_right(ConstMatrixView factor, MatrixView x) = 0;
  virtual void do_solve_left(ConstMatrixView factor, MatrixView x);  ///< by both halves, unless overridden
  virtual void do_solve_triangle(Op op, ConstMatrixView factor, MatrixView x) = 0;
  virtual void do_row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products) = 0;
  virtual void do_combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta,
                               MatrixView y) = 0;
  virtual void do_apply(const ElementOperation& operation) = 0;

  std::function<void()> progress_;
};

}  // namespace sibp
