// The proximal solve in the space of samples: ΔŴ = R (K + λI)⁻¹ F̂ᵀ with K = F̂ᵀ F̂ (M × M), by
// (F̂ F̂ᵀ + λI)⁻¹ F̂ = F̂ (F̂ᵀ F̂ + λI)⁻¹. Far cheaper than the normal equations where the batch is smaller than the fan-in.
// F̂ is gathered during the forward pass, S on the way back, and every rank computes the whole update for itself. The
// inverse is applied to the side that has fewer rows, R or F̂.
#include "update/form_traits.hpp"

namespace sibp {
namespace {

class DualForm final : public ProximalForm {
 public:
  DualForm(const UpdateContext& context, const MapShape& map, const ProximalOptions& options)
      : ProximalForm(context, options),
        damping_(options.damping),
        solves_features_(map.fan_in() < map.outputs),
        kernel_(device().allocate(options.batch.global_batch, options.batch.global_batch)),
        solved_(device().allocate(std::min(map.fan_in(), map.outputs), options.batch.global_batch)),
        gathered_features_(all_gather(map.fan_in() * options.batch.global_batch)),
        gathered_delta_(all_gather(map.outputs * options.batch.global_batch)) {}

  void features_ready(LinearMap& map, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    samples_ = samples;
    features_ = whole_matrices(map).whole_inputs();
    if (!distributed()) return;
    start_gather(*gathered_features_, features_, samples.per_rank);
    features_ = gathered_features_->all();
  }

  ProximalStep backward(const FormStep& step) override {
    const ProximalStep result = solve(step.map.delta());
    if (!carries_new()) carry_difference(step);
    if (result.failed_minor == 0) update(step);
    if (distributed()) {
      gathered_features_->release();
      gathered_delta_->release();
    }
    if (carries_new()) carry_difference(step);
    return result;
  }

  void finish(MatrixView) override {}

 private:
  [[nodiscard]] MatrixView solved() { return solved_.view().left_cols(samples_.total); }

  /// solved ← S (K + λI)⁻¹ or F̂ (K + λI)⁻¹ over the samples of all ranks; K is formed while S travels.
  ProximalStep solve(ConstMatrixView delta) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    delta_ = delta;
    if (distributed()) {
      start_gather(*gathered_delta_, delta, samples_.per_rank);
      delta_ = gathered_delta_->all();
      wait(*gathered_features_);
    }
    const MatrixView kernel = kernel_.reshaped(samples_.total, samples_.total);
    device().syrk(Op::transpose, 1, features_, 0, kernel);                              // K = F̂ᵀ F̂   (M × M)
    const ProximalStep result = factorise(device(), kernel, damping_, features_.rows);  // K + λI = L Lᵀ
    if (distributed() && !solves_features_) wait(*gathered_delta_);
    device().copy(solves_features_ ? features_ : delta_, solved());
    if (result.failed_minor == 0) device().solve_right(kernel, solved());
    if (distributed()) wait(*gathered_delta_);
    return result;
  }

  /// Ŵ ← Ŵ − η S (K + λI)⁻¹ F̂ᵀ
  void update(const FormStep& step) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    device().gemm(Op::none, Op::transpose, static_cast<Real>(-step.eta), solves_features_ ? delta_ : solved(),
                  solves_features_ ? solved() : features_, 1, step.target);
  }

  Damping damping_;
  bool solves_features_;
  Matrix kernel_;                                 ///< K, then its Cholesky factor: M × M
  Matrix solved_;                                 ///< S or F̂, then times (K + λI)⁻¹: min(outputs, fan_in) × M
  std::unique_ptr<AllGather> gathered_features_;  ///< F̂ of all ranks, fan_in × M; null on one rank
  std::unique_ptr<AllGather> gathered_delta_;     ///< S of all ranks, outputs × M; null on one rank
  ConstMatrixView features_;                      ///< F̂ of all ranks
  ConstMatrixView delta_;                         ///< S of all ranks
  DealtSamples samples_;
};

std::unique_ptr<ProximalForm> make(const FormPlace& place) {
  return std::make_unique<DualForm>(place.context, place.map, place.options);
}

/// The whole update on every rank.
void add_cost(Tally& tally, const LayerInStep& layer) {
  const Sizes s(layer);
  if (layer.step.ranks > 1) tally.touch(2 * (s.n + s.o) * s.local);
  tally.touch(2 * std::min(s.n, s.o) * s.batch);
  tally.gather(s.n * s.batch);
  tally.gather(s.o * s.batch);
  tally.syrk(s.batch, s.n);
  tally.cholesky(s.batch);
  tally.solve(s.batch, std::min(s.n, s.o));
  tally.gemm(s.o, s.n, s.batch);
}

double elements(const LayerInStep& layer) {
  const Sizes s(layer);
  const double gathered = layer.step.ranks > 1 ? (s.n + s.o) * s.batch : 0;
  return s.batch * s.batch + std::min(s.n, s.o) * s.batch + gathered;
}

}  // namespace

const FormTraits dual_form{
    .name = "dual", .make = make, .add_cost = add_cost, .elements = elements, .needs_alike_ranks = true};

}  // namespace sibp
