#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"
#include "sibp/device/data_term.hpp"
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

/// op(A) is A or Aᵀ.
enum class Op { none, transpose };

/// Sums over the samples of one call; divide by the global count once, when reporting.
struct LossSums {
  double loss = 0;    ///< sum of the per-sample losses
  Index correct = 0;  ///< samples whose largest output is that of their class
};

/// What became of damping and factorising a matrix.
struct DampedFactor {
  double lambda = 0;       ///< as damp() returns it
  Index failed_minor = 0;  ///< as cholesky() returns it
};

/// Memory and the operations on whole matrices that training is made of. Every call is Local.
///
/// A device may work on while the program goes on: its operations take place in the order of the calls, and those that
/// put numbers into host memory return when these are there. Only load_batch may be called from another thread
/// meanwhile.
///
/// The public functions check shapes, deal with empty input and then call the private do_ function of the device, which
/// may rely on both. All throw Error (runtime) if shapes do not fit each other. Views of an output must not overlap an
/// input, unless the function says so.
class Device {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;

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
  /// Bytes that store() is to leave free on a device of its own memory, for matrices that are yet to be allocated.
  void keep_free(std::int64_t bytes) { kept_free_ = bytes; }
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
  /// x ← x (L Lᵀ)⁻¹ with L the lower triangle of `factor` (n × n) and x m × n. 2mn² flops.
  void solve_right(ConstMatrixView factor, MatrixView x);
  /// x ← (L Lᵀ)⁻¹ x with L the lower triangle of `factor` (n × n) and x n × m. 2mn² flops.
  void solve_left(ConstMatrixView factor, MatrixView x);

  // --- rows: systems that are solved side by side ---

  /// products[r] ← Σ_c a(r, c) b(r, c), accumulated in double; `products` is host memory.
  void row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products);
  /// y ← diag(alpha) x + diag(beta) y, of equal shape; alpha and beta have a number for each row, in host memory.
  void combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta, MatrixView y);

  // --- steps of optimisers ---

  /// One step of gradient descent with momentum: v and W in place. All are of one shape.
  void momentum_step(const MomentumStep& step, ConstMatrixView gradient, MatrixView velocity, MatrixView weights);
  /// One step of Adam: its moments m and v and W in place. All are of one shape.
  void adam_step(const AdamStep& step, ConstMatrixView gradient, MatrixView first, MatrixView second,
                 MatrixView weights);

  // --- network ---

  /// F = σ(G), in place: f holds G on entry and F on exit.
  void activate(Activation activation, MatrixView f);
  /// S = D ∘ σ'(G), with the derivative taken from F = σ(G). All three are n × M.
  void apply_derivative(Activation activation, ConstMatrixView f, ConstMatrixView d, MatrixView s);
  /// What the sub-problems of the published procedure minimise beside the proximal term; without samples at first.
  [[nodiscard]] virtual std::unique_ptr<DataTerm> make_data_term() = 0;
  /// D = softmax(F) − Y, Y the one-hot columns of `labels`; F and D are classes × M. Loss: −log softmax(F)[label] per
  /// sample; it joins the sums that take_loss_sums() will return.
  void softmax_cross_entropy(ConstMatrixView f, ConstLabelView labels, MatrixView d);
  /// D = F − Y. Loss: ½ ‖F − Y‖² per sample, which joins the sums too.
  void squared_error(ConstMatrixView f, ConstLabelView labels, MatrixView d);
  /// The sums of the losses since the last call, which begin anew.
  [[nodiscard]] LossSums take_loss_sums() { return do_take_loss_sums(); }
  /// P = softmax(F), column by column, in place.
  void softmax(MatrixView f);

  // --- samples ---

  /// Keeps samples where batches can be gathered from them.
  [[nodiscard]] virtual std::unique_ptr<SampleStore> store(Samples samples) = 0;
  /// Gathers one batch: column k of `inputs` (features × M) ← scale ∘ (pixels of sample columns[k] − shift), labels[k]
  /// ← its class. `shift` and `scale` are features × 1, in units of a pixel byte. `columns` is host memory.
  void load_batch(const SampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                  ConstMatrixView scale, MatrixView inputs, LabelView labels);

 protected:
  /// Null unless somebody has something under way.
  [[nodiscard]] const std::function<void()>& progress() const { return progress_; }
  [[nodiscard]] std::int64_t kept_free() const { return kept_free_; }

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
  virtual void do_solve_left(ConstMatrixView factor, MatrixView x) = 0;
  virtual void do_row_inner_products(ConstMatrixView a, ConstMatrixView b, std::span<double> products) = 0;
  virtual void do_combine_rows(std::span<const double> alpha, ConstMatrixView x, std::span<const double> beta,
                               MatrixView y) = 0;
  virtual void do_momentum_step(const MomentumStep& step, ConstMatrixView gradient, MatrixView velocity,
                                MatrixView weights) = 0;
  virtual void do_adam_step(const AdamStep& step, ConstMatrixView gradient, MatrixView first, MatrixView second,
                            MatrixView weights) = 0;
  virtual void do_activate(Activation activation, MatrixView f) = 0;
  virtual void do_apply_derivative(Activation activation, ConstMatrixView f, ConstMatrixView d, MatrixView s) = 0;
  virtual void do_softmax_cross_entropy(ConstMatrixView f, const std::int32_t* labels, MatrixView d) = 0;
  virtual void do_squared_error(ConstMatrixView f, const std::int32_t* labels, MatrixView d) = 0;
  virtual LossSums do_take_loss_sums() = 0;
  virtual void do_softmax(MatrixView f) = 0;
  virtual void do_load_batch(const SampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                             ConstMatrixView scale, MatrixView inputs, std::int32_t* labels) = 0;

  std::function<void()> progress_;
  std::int64_t kept_free_ = 0;
};

/// What would make the products of the CPU device faster, for people: nothing if the BLAS library knows this processor.
std::optional<std::string> cpu_device_advice();

/// The processor's cores with `threads` threads for matrix products (0: what the BLAS library chooses).
std::unique_ptr<Device> make_cpu_device(int threads = 0);

/// The same, with results that are equal bit for bit for any number of threads, and in which a column of a result of
/// gemm, solve_left, activate or a loss depends on the same column of the operands alone, not on its place or its
/// neighbours: sums in products are exact, of operands rounded to about 21 bits; losses are multiples of 2^-30. For one
/// type of processor. Has no solve_right and no data term. progress() is not called.
std::unique_ptr<Device> make_reproducible_device(int threads);

}  // namespace sibp
