// The proximal solve by its normal equations, ΔŴ (A + λI) = B with A = F̂ F̂ᵀ and B = R F̂ᵀ. A and B are summed over
// ranks; every rank factors A + λI, solves its share of the rows of ΔŴ, and all gather them: the traffic of reducing B,
// the solve divided by P, and replicas that are equal by construction.
#include "update/proximal_form.hpp"
#include "update/shares.hpp"

namespace sibp {
namespace {

class NormalForm final : public ProximalForm {
 public:
  NormalForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options, GramSystem gram)
      : ProximalForm(context, options),
        gram_(std::move(gram)),
        step_(device().allocate(layer.fan_in(), distributed() ? 0 : layer.outputs)),
        sum_(communicator().make_scattered(device(), layer.fan_in(), distributed() ? layer.outputs : 0)),
        gathered_(gatherable(layer.fan_in() * layer.outputs)) {
    for (const Share& share : even_shares(layer.outputs, communicator().size())) rows_.push_back(share.count);
  }

  void features_ready(ConstMatrixView features, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    gram_.start(features, samples.total);
  }

  ProximalStep backward(const LayerBackward& layer) override {
    {
      const PhaseClock::Scope timed(clock(), Phase::solve);
      // Bᵀ = F̂ Rᵀ = −η F̂ Sᵀ   (fan_in × outputs: a rank's rows of B lie side by side)
      const auto factor = static_cast<Real>(-layer.eta * gram_.scale());
      if (distributed()) {
        sum_->set_product(device(), factor, layer.features, layer.masked);
        gathered_->begin(step_.rows(), rows_);
        sum_->start(rows_, gathered_->own());
      } else {
        device().gemm(Op::none, Op::transpose, factor, layer.features, layer.masked, 0, step_.view());
      }
    }
    if (!carries_new()) carry_difference(layer);
    const ProximalStep result = solve();
    if (carries_new()) {
      complete(layer.weights);
      carry_difference(layer);
    }
    return result;
  }

  void finish(MatrixView weights) override { complete(weights); }
  void add_state(UpdateState& state, const std::string& prefix) override { gram_.add_state(state, prefix); }

 private:
  /// This rank's rows of ΔŴ, as columns of its transpose.
  MatrixView own() { return distributed() ? gathered_->own() : step_.view(); }

  ProximalStep solve() {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const ProximalStep result = gram_.factorise();  // A + λI = L Lᵀ
    wait(*sum_);
    if (result.failed_minor == 0) {
      device().solve_left(gram_.factor(), own());  // ΔŴᵀ = (A + λI)⁻¹ Bᵀ
    } else {
      device().fill(own(), 0);
    }
    if (distributed()) gathered_->start();
    pending_ = true;
    return result;
  }

  /// Ŵ ← Ŵ + ΔŴ, once.
  void complete(MatrixView weights) {
    if (!pending_) return;
    pending_ = false;
    if (distributed()) wait(*gathered_);
    const PhaseClock::Scope timed(clock(), Phase::solve);
    device().add_transposed(1, distributed() ? gathered_->all() : step_.view(), weights);
    if (distributed()) gathered_->release();
  }

  GramSystem gram_;
  Matrix step_;  ///< Bᵀ, then ΔŴᵀ on one rank alone, fan_in × outputs; else without columns
  std::unique_ptr<ScatteredSum> sum_;           ///< Bᵀ, of which each rank gets its columns
  std::unique_ptr<GatherableMatrix> gathered_;  ///< Bᵀ, then ΔŴᵀ, by ranks: fan_in × outputs; null on one alone
  std::vector<Index> rows_;                     ///< of ΔŴ, by the rank that solves them
  bool pending_ = false;
};

}  // namespace

std::unique_ptr<ProximalForm> make_normal_form(const UpdateContext& context, const LayerSpec& layer,
                                               const ProximalOptions& options, GramSystem gram) {
  return std::make_unique<NormalForm>(context, layer, options, std::move(gram));
}

}  // namespace sibp
