// The proximal solve by its normal equations, ΔŴ (A + λI) = B with A = F̂ F̂ᵀ and B = R F̂ᵀ. A and B are summed over
// ranks; every rank factors A + λI, solves its share of the rows of ΔŴ, and all gather them: the traffic of reducing B,
// the solve divided by P, and replicas that are equal by construction.
#include "update/proximal_form.hpp"

namespace sibp {
namespace {

class NormalForm final : public ProximalForm {
 public:
  NormalForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options, GramSystem gram)
      : ProximalForm(context, options),
        gram_(std::move(gram)),
        step_(device().allocate(layer.fan_in(), layer.outputs)),
        slot_(communicator().make_slot()) {
    for (Index q = 0; q < communicator().size(); ++q) {
      if (q == communicator().rank()) first_row_ = layer.outputs * q / communicator().size();
      rows_.push_back(layer.outputs * (q + 1) / communicator().size() - layer.outputs * q / communicator().size());
    }
    mine_ = device().allocate(layer.fan_in(), distributed() ? own_rows() : 0);
  }

  void features_ready(ConstMatrixView features, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    gram_.start(features, samples.total);
  }

  ProximalStep backward(const LayerBackward& layer) override {
    {
      const PhaseClock::Scope timed(clock(), Phase::solve);
      // Bᵀ = F̂ Rᵀ = −η F̂ Sᵀ   (fan_in × outputs: a rank's rows of B lie side by side)
      device().gemm(Op::none, Op::transpose, static_cast<Real>(-layer.eta * gram_.scale()), layer.features,
                    layer.masked, 0, step_.view());
      if (distributed()) slot_->start_reduce_scatter_columns(step_.view(), rows_, mine_.view());
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

 private:
  [[nodiscard]] Index own_rows() const { return rows_[static_cast<std::size_t>(communicator().rank())]; }
  /// This rank's rows of ΔŴ, as columns of its transpose.
  MatrixView own_block() { return step_.view().block(0, first_row_, step_.rows(), own_rows()); }

  ProximalStep solve() {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const ProximalStep result = gram_.factorise();  // A + λI = L Lᵀ
    wait(*slot_);
    if (distributed()) device().copy(mine_.view(), own_block());
    if (result.failed_minor == 0) {
      device().solve_left(gram_.factor(), own_block());  // ΔŴᵀ = (A + λI)⁻¹ Bᵀ
    } else {
      device().fill(own_block(), 0);
    }
    if (distributed()) slot_->start_all_gather_columns(step_.view(), rows_);
    pending_ = true;
    return result;
  }

  /// Ŵ ← Ŵ + ΔŴ, once.
  void complete(MatrixView weights) {
    if (!pending_) return;
    wait(*slot_);
    const PhaseClock::Scope timed(clock(), Phase::solve);
    device().add_transposed(1, step_.view(), weights);
    pending_ = false;
  }

  GramSystem gram_;
  Matrix step_;  ///< Bᵀ, then ΔŴᵀ: fan_in × outputs
  Matrix mine_;  ///< this rank's columns of the summed Bᵀ; without elements on one rank
  std::unique_ptr<CollectiveSlot> slot_;
  std::vector<Index> rows_;  ///< of ΔŴ, by the rank that solves them
  Index first_row_ = 0;
  bool pending_ = false;
};

}  // namespace

std::unique_ptr<ProximalForm> make_normal_form(const UpdateContext& context, const LayerSpec& layer,
                                               const ProximalOptions& options, GramSystem gram) {
  return std::make_unique<NormalForm>(context, layer, options, std::move(gram));
}

}  // namespace sibp
