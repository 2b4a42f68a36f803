// The proximal solve with A of a sample of the batch that is small beside the fan-in: m of M samples, F̂_s (fan_in × m),
// give A = c F̂_s F̂_sᵀ with c = M / m, of rank m. By Woodbury's identity, with K = c F̂_sᵀ F̂_s (m × m),
//
//   ΔŴ = Σ_p R_p Y_pᵀ,   Y_p = (A + λI)⁻¹ F̂_p = (F̂_p − c F̂_s (K + λI)⁻¹ F̂_sᵀ F̂_p) / λ:
//
// a gradient step whose features have lost what the sample knows of their curvature. No n × n matrix is formed, summed
// or factorised; beside the gradient there are thin products. All gather F̂_s during the forward pass; on the way back
// only the update itself is summed over ranks. The difference in brackets loses accuracy where λ is far below the
// largest eigenvalue of A, by the ratio of the two.
#include "update/form_traits.hpp"

namespace sibp {
namespace {

/// m.
Index sampled(Index samples, Index every) {
  return (samples + every - 1) / every;
}

class LowRankForm final : public ProximalForm {
 public:
  LowRankForm(const UpdateContext& context, const MapShape& map, const ProximalOptions& options)
      : ProximalForm(context, options),
        damping_(options.damping),
        every_(options.sample),
        sample_(device().allocate(map.fan_in(), distributed() ? 0 : most_sampled(options))),
        gathered_(all_gather(map.fan_in() * most_sampled(options))),
        kernel_(device().allocate(most_sampled(options), most_sampled(options))),
        thin_(device().allocate(most_sampled(options), options.batch.local_batch)),
        solved_(device().allocate(map.fan_in(), options.batch.local_batch)),
        step_(communicator().make_all_reduce(device(), distributed() ? map.outputs : 0, map.fan_in())) {}

  void features_ready(LinearMap& map, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    sampled_ = sampled(samples.total, every_);
    share_ = static_cast<double>(samples.total) / static_cast<double>(sampled_);
    features_ = whole_matrices(map).whole_inputs();
    is_solved_ = false;
    const auto take = [&](ConstMatrixView own, ConstMatrixView) {  // all of it: the layer is dense
      if (distributed())
        start_gather(*gathered_, own, samples.sampled);
      else
        device().copy(own, sample_.view().left_cols(own.cols));
    };
    map.sampled_inputs(every_).for_each(std::ref(take));
  }

  void features_passed() override { solve(); }

  ProximalStep backward(const FormStep& step) override {
    if (!carries_new()) carry_difference(step);
    solve();
    add_products(step);
    if (carries_new()) {
      finish(step.target);
      carry_difference(step);
    }
    return result_;
  }

  void finish(MatrixView target) override { add_sum(*step_, target); }

 private:
  static Index most_sampled(const ProximalOptions& options) {
    return sampled(options.batch.global_batch, options.sample);
  }

  /// λ Y_p, once it is known which samples all ranks have.
  void solve() {
    if (is_solved_) return;
    is_solved_ = true;
    const PhaseClock::Scope timed(clock(), Phase::solve);
    if (distributed()) wait(*gathered_);
    const ConstMatrixView sample = distributed() ? gathered_->all() : sample_.view().left_cols(sampled_);
    const MatrixView kernel = kernel_.reshaped(sampled_, sampled_);
    const auto share = static_cast<Real>(share_);
    device().syrk(Op::transpose, share, sample, 0, kernel);
    result_ = factorise(device(), kernel, damping_, sample.rows);  // K + λI = L Lᵀ
    if (result_.failed_minor == 0) {
      const MatrixView thin = thin_.reshaped(sampled_, features_.cols);
      device().gemm(Op::transpose, Op::none, 1, sample, features_, 0, thin);
      device().solve_left(kernel, thin);  // (K + λI)⁻¹ F̂_sᵀ F̂_p   (m × M_p)
      device().copy(features_, solved());
      device().gemm(Op::none, Op::none, -share, sample, thin, 1, solved());
    }
    if (distributed()) gathered_->release();
  }

  /// ΔŴ = R Yᵀ = −η S Yᵀ: on one rank added to the weights at once, else summed over ranks first.
  void add_products(const FormStep& step) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const bool is_definite = result_.failed_minor == 0;
    const Real factor = is_definite ? static_cast<Real>(-step.eta / result_.lambda) : Real(0);
    const ConstMatrixView delta = step.map.delta();
    if (distributed()) {
      step_->set_product(device(), step_->view(), factor, delta, solved());
      step_->start();
    } else if (is_definite) {
      device().gemm(Op::none, Op::transpose, factor, delta, solved(), 1, step.target);
    }
  }

  [[nodiscard]] MatrixView solved() { return solved_.view().left_cols(features_.cols); }

  Damping damping_;
  Index every_;
  Matrix sample_;                        ///< F̂_s on one rank alone, fan_in × m; else without columns
  std::unique_ptr<AllGather> gathered_;  ///< F̂_s of all ranks, fan_in × m; null on one alone
  Matrix kernel_;                        ///< K, then its Cholesky factor: m × m, lower triangle
  Matrix thin_;                          ///< m × M_p
  Matrix solved_;                        ///< λ Y_p, fan_in × M_p
  std::unique_ptr<AllReduce> step_;      ///< ΔŴ, outputs × fan_in; without elements on one rank
  ConstMatrixView features_;             ///< F̂_p
  Index sampled_ = 0;                    ///< m
  double share_ = 1;                     ///< c
  bool is_solved_ = false;               ///< of this step
  ProximalStep result_;
};

std::unique_ptr<ProximalForm> make(const FormPlace& place) {
  return std::make_unique<LowRankForm>(place.context, place.map, place.options);
}

double sampled(const LayerInStep& layer) {
  return static_cast<double>(sampled(layer.step.batch, layer.step.gram_sample_of(layer.layer)));
}

/// A gradient step, and m / M of a product of the inputs with all inputs, twice.
void add_cost(Tally& tally, const LayerInStep& layer) {
  const Sizes s(layer);
  const double m = sampled(layer);
  tally.touch(2 * s.n * (m + s.local));
  tally.broadcast(s.n * m);  // they are often those of one rank: places are dealt in turn
  tally.syrk(m, s.n);
  tally.cholesky(m);
  tally.gemm(m, s.local, s.n);
  tally.solve(m, s.local);
  tally.gemm(s.n, s.local, m);
  tally.gemm(s.o, s.n, s.local);
  tally.all_reduce(s.n * s.o);
  if (layer.step.ranks > 1) tally.touch(3 * s.n * s.o);
}

double elements(const LayerInStep& layer) {
  const Sizes s(layer);
  const double m = sampled(layer);
  return (s.n + m) * (s.local + m) + (layer.step.ranks > 1 ? s.n * s.o : 0);
}

}  // namespace

const FormTraits low_rank_form{.name = "low-rank",
                               .make = make,
                               .add_cost = add_cost,
                               .elements = elements,
                               .can_sample = true,
                               .wants_sample = true};

}  // namespace sibp
