// The proximal solve in the space of samples: ΔŴ = C F̂ᵀ with C = R (K + λI)⁻¹ and K = F̂ᵀ F̂ (M × M), by
// (F̂ F̂ᵀ + λI)⁻¹ F̂ = F̂ (F̂ᵀ F̂ + λI)⁻¹. Far cheaper than the normal equations where the batch is smaller than the fan-in.
// F̂ is gathered during the forward pass, S on the way back, and every rank computes the whole update for itself.
#include "update/proximal_form.hpp"

namespace sibp {
namespace {

class DualForm final : public ProximalForm {
 public:
  DualForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options)
      : ProximalForm(context, options),
        damping_(options.damping),
        kernel_(device().allocate(options.batch.global_batch, options.batch.global_batch)),
        coefficients_(device().allocate(layer.outputs, options.batch.global_batch)),
        gathered_features_(gatherable(layer.fan_in() * options.batch.global_batch)),
        gathered_masked_(gatherable(layer.outputs * options.batch.global_batch)) {}

  void features_ready(ConstMatrixView features, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    samples_ = samples;
    features_ = features;
    if (!distributed()) return;
    start_gather(*gathered_features_, features, samples.per_rank);
    features_ = gathered_features_->all();
  }

  ProximalStep backward(const LayerBackward& layer) override {
    const ProximalStep result = solve(layer.masked);
    if (!carries_new()) carry_difference(layer);
    if (result.failed_minor == 0) {
      const PhaseClock::Scope timed(clock(), Phase::solve);
      // Ŵ ← Ŵ + C F̂ᵀ, with C = −η S (K + λI)⁻¹
      device().gemm(Op::none, Op::transpose, static_cast<Real>(-layer.eta), coefficients(), features_, 1,
                    layer.weights);
    }
    if (distributed()) gathered_features_->release();
    if (carries_new()) carry_difference(layer);
    return result;
  }

  void finish(MatrixView) override {}

 private:
  [[nodiscard]] MatrixView coefficients() { return coefficients_.view().left_cols(samples_.total); }

  /// coefficients ← S (K + λI)⁻¹ over the samples of all ranks; K is formed while S travels.
  ProximalStep solve(ConstMatrixView masked) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    if (distributed()) {
      start_gather(*gathered_masked_, masked, samples_.per_rank);
      wait(*gathered_features_);
    }
    const MatrixView kernel = kernel_.reshaped(samples_.total, samples_.total);
    device().syrk(Op::transpose, 1, features_, 0, kernel);                              // K = F̂ᵀ F̂   (M × M)
    const ProximalStep result = factorise(device(), kernel, damping_, features_.rows);  // K + λI = L Lᵀ
    if (distributed()) {
      wait(*gathered_masked_);
      device().copy(gathered_masked_->all(), coefficients());
      gathered_masked_->release();
    } else {
      device().copy(masked, coefficients());
    }
    if (result.failed_minor == 0) device().solve_right(kernel, coefficients());
    return result;
  }

  Damping damping_;
  Matrix kernel_;                                        ///< K, then its Cholesky factor: M × M
  Matrix coefficients_;                                  ///< S, then S (K + λI)⁻¹: outputs × M
  std::unique_ptr<GatherableMatrix> gathered_features_;  ///< F̂ of all ranks, fan_in × M; null on one rank
  std::unique_ptr<GatherableMatrix> gathered_masked_;    ///< S of all ranks, outputs × M; null on one rank
  ConstMatrixView features_;                             ///< F̂ of all ranks
  DealtSamples samples_;
};

}  // namespace

std::unique_ptr<ProximalForm> make_dual_form(const UpdateContext& context, const LayerSpec& layer,
                                             const ProximalOptions& options) {
  return std::make_unique<DualForm>(context, layer, options);
}

}  // namespace sibp
