// The proximal solve in the space of samples: ΔŴ = C F̂ᵀ with C = R (K + λI)⁻¹ and K = F̂ᵀ F̂ (M × M), by
// (F̂ F̂ᵀ + λI)⁻¹ F̂ = F̂ (F̂ᵀ F̂ + λI)⁻¹. Far cheaper than the normal equations where the batch is smaller than the fan-in.
// F̂ is gathered during the forward pass, S on the way back.
#include "update/proximal_form.hpp"

#include <numeric>

namespace sibp {
namespace {

class DualForm final : public ProximalForm {
 public:
  DualForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options, bool reduce_update)
      : ProximalForm(context, layer, options),
        reduce_update_(reduce_update && distributed()),
        kernel_(device().allocate(options.batch.global_batch, options.batch.global_batch)),
        coefficients_(device().allocate(layer.outputs, options.batch.global_batch)),
        gathered_(device().allocate(layer.fan_in(), distributed() ? options.batch.global_batch : 0)),
        step_(communicator().make_reducible(device(), reduce_update_ ? layer.outputs : 0, layer.fan_in())),
        thin_(device().allocate(options.batch.global_batch, reduce_update_ ? options.batch.local_batch : 0)),
        features_slot_(communicator().make_slot()),
        slot_(communicator().make_slot()) {}

  void features_ready(ConstMatrixView features, std::span<const Index> samples_per_rank) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    per_rank_ = samples_per_rank;
    const auto own = samples_per_rank.begin() + communicator().rank();
    first_ = std::accumulate(samples_per_rank.begin(), own, Index{0});
    samples_ = std::accumulate(own, samples_per_rank.end(), first_);
    features_ = features;
    if (!distributed()) return;
    const MatrixView all = gathered_.view().left_cols(samples_);
    device().copy(features, own_columns(all));
    features_slot_->start_all_gather_columns(all, per_rank_);
    features_ = all;
  }

  ProximalStep backward(const LayerBackward& layer) override {
    const ProximalStep result = solve(layer.masked);
    const Real factor = result.failed_minor == 0 ? static_cast<Real>(-layer.eta) : Real(0);
    if (reduce_update_) {
      carry_ahead(layer, factor);
      start_update(layer, factor);
      return result;
    }
    if (!carries_new()) carry_difference(layer);
    if (result.failed_minor == 0) {
      const PhaseClock::Scope timed(clock(), Phase::solve);
      // Ŵ ← Ŵ + C F̂ᵀ, with C = −η S (K + λI)⁻¹
      device().gemm(Op::none, Op::transpose, factor, coefficients(), features_, 1, layer.weights);
    }
    if (carries_new()) carry_difference(layer);
    return result;
  }

  void finish(MatrixView weights) override { add_sum(*step_, weights); }

 private:
  [[nodiscard]] MatrixView coefficients() { return coefficients_.view().left_cols(samples_); }
  [[nodiscard]] MatrixView own_columns(MatrixView all) const {
    return all.block(0, first_, all.rows, per_rank_[static_cast<std::size_t>(communicator().rank())]);
  }

  /// coefficients ← S (K + λI)⁻¹ over the samples of all ranks; K is formed while S travels.
  ProximalStep solve(ConstMatrixView masked) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    device().copy(masked, own_columns(coefficients()));
    wait(*features_slot_);
    if (distributed()) slot_->start_all_gather_columns(coefficients(), per_rank_);
    const MatrixView kernel = kernel_.reshaped(samples_, samples_);
    device().syrk(Op::transpose, 1, features_, 0, kernel);  // K = F̂ᵀ F̂   (M × M)
    const ProximalStep result = factorise(kernel);          // K + λI = L Lᵀ
    wait(*slot_);
    if (result.failed_minor == 0) device().solve_right(kernel, coefficients());
    return result;
  }

  /// D_{i−1} by the new weights before they are known: W_new = W + factor C Fᵀ, so on this rank
  /// D = Wᵀ S + factor F (Cᵀ S), thin products with what has been gathered.
  void carry_ahead(const LayerBackward& layer, Real factor) {
    carry_difference(layer);
    if (layer.carried.rows == 0 || !carries_new() || factor == Real(0)) return;
    const PhaseClock::Scope timed(clock(), Phase::backward);
    const MatrixView thin = thin_.reshaped(samples_, layer.masked.cols);
    device().gemm(Op::transpose, Op::none, 1, coefficients(), layer.masked, 0, thin);  // Cᵀ S   (M × M_p)
    device().gemm(Op::none, Op::none, factor, features_.top_rows(layer.spec.inputs), thin, 1, layer.carried);
  }

  /// This rank's samples' part of ΔŴ = factor C F̂ᵀ, and the start of its sum over ranks.
  void start_update(const LayerBackward& layer, Real factor) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    if (factor == Real(0)) {
      device().fill(step_->view(), 0);
    } else {
      device().gemm(Op::none, Op::transpose, factor, own_columns(coefficients()), layer.features, 0, step_->view());
    }
    step_->start_sum();
  }

  bool reduce_update_;
  Matrix kernel_;                          ///< K, then its Cholesky factor: M × M
  Matrix coefficients_;                    ///< S, then S (K + λI)⁻¹: outputs × M
  Matrix gathered_;                        ///< F̂ of all ranks, fan_in × M; without elements on one rank
  std::unique_ptr<ReducibleMatrix> step_;  ///< ΔŴ, outputs × fan_in; only where it is reduced
  Matrix thin_;                            ///< Cᵀ S_p, M × M_p; only where the update is reduced
  std::unique_ptr<CollectiveSlot> features_slot_;
  std::unique_ptr<CollectiveSlot> slot_;
  ConstMatrixView features_;  ///< F̂ of all ranks
  std::span<const Index> per_rank_;
  Index first_ = 0;    ///< this rank's first column
  Index samples_ = 0;  ///< M of this step
};

}  // namespace

std::unique_ptr<ProximalForm> make_dual_form(const UpdateContext& context, const LayerSpec& layer,
                                             const ProximalOptions& options, bool reduce_update) {
  return std::make_unique<DualForm>(context, layer, options, reduce_update);
}

}  // namespace sibp
