// The proximal solve with the inverse applied to the features: ΔŴ = Σ_p R_p Y_pᵀ with Y_p = (A + λI)⁻¹ F̂_p. A is known
// from the forward pass; on the way back only the update itself is summed over ranks.
#include "update/form_traits.hpp"

namespace sibp {
namespace {

class ActivationsForm final : public ProximalForm {
 public:
  ActivationsForm(const UpdateContext& context, const MapShape& map, const ProximalOptions& options, GramSystem gram)
      : ProximalForm(context, options),
        gram_(std::move(gram)),
        solved_(device().allocate(map.fan_in(), options.batch.local_batch)),
        step_(communicator().make_all_reduce(device(), distributed() ? map.outputs : 0, map.fan_in())) {}

  void features_ready(LinearMap& map, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    gram_.start(map, samples.total);
  }

  void forward_done() override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    gram_.prepare();
  }

  ProximalStep backward(const FormStep& step) override {
    if (!carries_new()) carry_difference(step);
    const ProximalStep result = solve(step);
    if (carries_new()) {
      finish(step.target);
      carry_difference(step);
    }
    return result;
  }

  void finish(MatrixView target) override { add_sum(*step_, target); }
  void add_state(UpdateState& state, const std::string& prefix) override { gram_.add_state(state, prefix); }
  void gather_state() override { gram_.gather_state(); }

 private:
  ProximalStep solve(const FormStep& step) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const ProximalStep result = gram_.factorise();  // A + λI = L Lᵀ
    const ConstMatrixView features = whole_matrices(step.map).whole_inputs();
    const ConstMatrixView delta = step.map.delta();
    const MatrixView y = solved_.view().left_cols(features.cols);
    device().copy(features, y);
    device().solve_left(gram_.factor(), y);  // Y_p = (A + λI)⁻¹ F̂_p   (fan_in × M_p)
    // ΔŴ = R Yᵀ = −η S Yᵀ: on one rank added to the weights at once, else summed over ranks first
    const Real factor = result.failed_minor == 0 ? static_cast<Real>(-step.eta * gram_.scale()) : Real(0);
    if (!distributed()) {
      if (result.failed_minor == 0) device().gemm(Op::none, Op::transpose, factor, delta, y, 1, step.target);
      return result;
    }
    step_->set_product(device(), step_->view(), factor, delta, y);
    step_->start();
    return result;
  }

  GramSystem gram_;
  Matrix solved_;                    ///< Y_p, fan_in × M_p
  std::unique_ptr<AllReduce> step_;  ///< ΔŴ, outputs × fan_in; without elements on one rank
};

std::unique_ptr<ProximalForm> make(const FormPlace& place) {
  return std::make_unique<ActivationsForm>(place.context, place.map, place.options, place.gram_system());
}

void add_cost(Tally& tally, const LayerInStep& layer) {
  const Sizes s(layer);
  add_gram_cost(tally, layer);
  tally.touch(2 * s.n * s.local);
  tally.solve(s.n, s.local);
  tally.gemm(s.o, s.n, s.local);
  tally.all_reduce(s.n * s.o);
  if (layer.step.ranks > 1) tally.touch(3 * s.n * s.o);
}

double elements(const LayerInStep& layer) {
  const Sizes s(layer);
  return gram_elements(layer.layer.fan_in(), layer) + s.n * s.local + (layer.step.ranks > 1 ? s.n * s.o : 0);
}

}  // namespace

const FormTraits activations_form{.name = "activations",
                                  .make = make,
                                  .add_cost = add_cost,
                                  .elements = elements,
                                  .has_gram = true,
                                  .can_sample = true,
                                  .is_reproducible = true};

}  // namespace sibp
