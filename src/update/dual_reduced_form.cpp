// The proximal solve in the space of samples (see dual_form.cpp) with its work divided by the number of ranks. Rank p
// computes its columns of K = F̂ᵀ F̂, which all gather; its columns C_p of C = R (K + λI)⁻¹; and its samples' part C_p
// F̂_pᵀ of ΔŴ, the sum of which overlaps the rest of the backward pass: the difference goes on without it.
#include "update/gathered_samples.hpp"
#include "update/proximal_form.hpp"
#include "update/triangle_shares.hpp"

namespace sibp {
namespace {

class DualReducedForm final : public ProximalForm {
 public:
  DualReducedForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options)
      : ProximalForm(context, options),
        damping_(options.damping),
        features_(context, layer.fan_in(), options.batch.global_batch),
        masked_(context, layer.outputs, options.batch.global_batch),
        kernel_(device().allocate(options.batch.global_batch, options.batch.global_batch)),
        kernel_slot_(communicator().make_slot()),
        kernel_columns_(static_cast<std::size_t>(communicator().size())),
        thin_(device().allocate(options.batch.global_batch, options.batch.local_batch)),
        coefficients_(device().allocate(layer.outputs, options.batch.local_batch)),
        step_(communicator().make_reducible(device(), layer.outputs, layer.fan_in())) {}

  void features_ready(ConstMatrixView features, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    samples_ = samples;
    has_kernel_ = false;
    features_.start(features, samples);
  }

  void features_passed() override { start_kernel(); }

  ProximalStep backward(const LayerBackward& layer) override {
    masked_.start(layer.masked, samples_);
    start_kernel();
    carry_difference(layer);  // by the old weights, while S travels
    const ProximalStep result = factorise_kernel();
    masked_.wait();
    const Real factor = result.failed_minor == 0 ? static_cast<Real>(-layer.eta) : Real(0);
    start_update(layer, factor);
    if (carries_new()) carry_update(layer, factor);
    return result;
  }

  void finish(MatrixView weights) override { add_sum(*step_, weights); }

 private:
  [[nodiscard]] MatrixView kernel() { return kernel_.reshaped(samples_.total, samples_.total); }

  /// This rank's columns of K, from the diagonal down, and the start of their gathering.
  void start_kernel() {
    if (has_kernel_) return;
    has_kernel_ = true;
    const PhaseClock::Scope timed(clock(), Phase::solve);
    features_.wait();
    const TriangleShare mine = share_of_triangle(samples_.total, communicator().rank(), kernel_columns_);
    const MatrixView f = features_.all().block(0, mine.first, features_.all().rows, mine.columns);
    const MatrixView rest = features_.all().block(0, mine.end(), f.rows, samples_.total - mine.end());
    const MatrixView columns = kernel().block(0, mine.first, samples_.total, mine.columns);
    device().syrk(Op::transpose, 1, f, 0, columns.block(mine.first, 0, mine.columns, mine.columns));
    device().gemm(Op::transpose, Op::none, 1, rest, f, 0, columns.block(mine.end(), 0, rest.cols, mine.columns));
    kernel_slot_->start_all_gather_columns(kernel(), kernel_columns_);
  }

  ProximalStep factorise_kernel() {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    wait(*kernel_slot_);
    return factorise(device(), kernel(), damping_, features_.all().rows);  // K + λI = L Lᵀ
  }

  /// This rank's samples' part of ΔŴ = factor S (K + λI)⁻¹ F̂ᵀ, and the start of its sum over ranks.
  void start_update(const LayerBackward& layer, Real factor) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    if (factor == Real(0)) {
      device().fill(step_->view(), 0);
    } else {
      const Index own = layer.masked.cols;
      const MatrixView inverse = thin_.reshaped(samples_.total, own);
      device().fill(inverse, 0);
      device().damp(features_.own_rows(inverse), 1, 0);
      device().solve_left(kernel(), inverse);  // this rank's columns of (K + λI)⁻¹   (M × M_p)
      const MatrixView c = coefficients_.reshaped(layer.spec.outputs, own);
      device().gemm(Op::none, Op::none, factor, masked_.all(), inverse, 0, c);  // C_p   (outputs × M_p)
      device().gemm(Op::none, Op::transpose, 1, c, layer.features, 0, step_->view());
    }
    step_->start_sum();
  }

  /// Adds to D_{i−1} what the update will change in it: by W_new = W + factor S (K + λI)⁻¹ Fᵀ,
  /// W_newᵀ S_p = Wᵀ S_p + factor F (K + λI)⁻¹ Sᵀ S_p, thin products with what has been gathered.
  void carry_update(const LayerBackward& layer, Real factor) {
    if (layer.carried.rows == 0 || factor == Real(0)) return;
    const PhaseClock::Scope timed(clock(), Phase::backward);
    const MatrixView thin = thin_.reshaped(samples_.total, layer.masked.cols);
    device().gemm(Op::transpose, Op::none, 1, masked_.all(), layer.masked, 0, thin);  // Sᵀ S_p   (M × M_p)
    device().solve_left(kernel(), thin);
    device().gemm(Op::none, Op::none, factor, features_.all().top_rows(layer.spec.inputs), thin, 1, layer.carried);
  }

  Damping damping_;
  GatheredSamples features_;  ///< F̂ of all ranks, fan_in × M
  GatheredSamples masked_;    ///< S of all ranks, outputs × M
  Matrix kernel_;             ///< K, then its Cholesky factor: M × M, lower triangle
  std::unique_ptr<CollectiveSlot> kernel_slot_;
  std::vector<Index> kernel_columns_;      ///< of K, by the rank that computes them
  Matrix thin_;                            ///< M × M_p
  Matrix coefficients_;                    ///< C_p, outputs × M_p
  std::unique_ptr<ReducibleMatrix> step_;  ///< ΔŴ, outputs × fan_in
  DealtSamples samples_;
  bool has_kernel_ = false;  ///< of this step, or under way
};

}  // namespace

std::unique_ptr<ProximalForm> make_dual_reduced_form(const UpdateContext& context, const LayerSpec& layer,
                                                     const ProximalOptions& options) {
  return std::make_unique<DualReducedForm>(context, layer, options);
}

}  // namespace sibp
