// The proximal solve with the inverse applied to the features: ΔŴ = Σ_p R_p Y_pᵀ with Y_p = (A + λI)⁻¹ F̂_p. A is known
// from the forward pass; on the way back only the update itself is summed over ranks.
#include "update/proximal_form.hpp"

namespace sibp {
namespace {

class ActivationsForm final : public ProximalForm {
 public:
  ActivationsForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options, GramSystem gram)
      : ProximalForm(context, options),
        gram_(std::move(gram)),
        solved_(device().allocate(layer.fan_in(), options.batch.local_batch)),
        step_(communicator().make_reducible(device(), distributed() ? layer.outputs : 0, layer.fan_in())) {}

  void features_ready(ConstMatrixView features, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    gram_.start(features, samples.total);
  }

  ProximalStep backward(const LayerBackward& layer) override {
    if (!carries_new()) carry_difference(layer);
    const ProximalStep result = solve(layer);
    if (carries_new()) {
      finish(layer.weights);
      carry_difference(layer);
    }
    return result;
  }

  void finish(MatrixView weights) override { add_sum(*step_, weights); }
  void add_state(UpdateState& state, const std::string& prefix) override { gram_.add_state(state, prefix); }

 private:
  ProximalStep solve(const LayerBackward& layer) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const ProximalStep result = gram_.factorise();  // A + λI = L Lᵀ
    const MatrixView y = solved_.view().left_cols(layer.features.cols);
    device().copy(layer.features, y);
    device().solve_left(gram_.factor(), y);  // Y_p = (A + λI)⁻¹ F̂_p   (fan_in × M_p)
    // ΔŴ = R Yᵀ = −η S Yᵀ: on one rank added to the weights at once, else summed over ranks first
    const Real factor = result.failed_minor == 0 ? static_cast<Real>(-layer.eta * gram_.scale()) : Real(0);
    if (!distributed()) {
      if (result.failed_minor == 0) device().gemm(Op::none, Op::transpose, factor, layer.masked, y, 1, layer.weights);
      return result;
    }
    step_->set_product(device(), step_->view(), factor, layer.masked, y);
    step_->start_sum();
    return result;
  }

  GramSystem gram_;
  Matrix solved_;                          ///< Y_p, fan_in × M_p
  std::unique_ptr<ReducibleMatrix> step_;  ///< ΔŴ, outputs × fan_in; without elements on one rank
};

}  // namespace

std::unique_ptr<ProximalForm> make_activations_form(const UpdateContext& context, const LayerSpec& layer,
                                                    const ProximalOptions& options, GramSystem gram) {
  return std::make_unique<ActivationsForm>(context, layer, options, std::move(gram));
}

}  // namespace sibp
