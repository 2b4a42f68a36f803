#include "update/normal_form.hpp"

namespace sibp {

NormalForm::NormalForm(const UpdateContext& context, const LayerSpec& layer, const Damping& damping)
    : context_(context), damping_(damping) {
  const Index n = layer.fan_in();
  gram_ = context_.device.allocate(n, n);
  packed_ = context_.device.allocate(context_.communicator.size() > 1 ? n * (n + 1) / 2 : 0, 1);
  step_ = context_.device.allocate(layer.outputs, n);
}

void NormalForm::features_ready(ConstMatrixView features) {
  Device& device = context_.device;
  const PhaseClock::Scope timed(context_.clock, Phase::solve);
  device.syrk(Op::none, 1, features, 0, gram_.view());  // A = F̂ F̂ᵀ   (fan_in × fan_in, lower triangle)
  if (context_.communicator.size() == 1) return;
  device.pack_triangle(gram_.view(), packed_.view());
  gram_reduction_ = context_.communicator.start_all_reduce_sum(packed_.view());
}

void NormalForm::wait_for_gram() {
  if (!gram_reduction_) return;
  const PhaseClock::Scope timed(context_.clock, Phase::communication);
  gram_reduction_->wait();
  gram_reduction_.reset();
  context_.device.unpack_triangle(packed_.view(), gram_.view());
}

ProximalStep NormalForm::update(const LayerBackward& layer) {
  Device& device = context_.device;
  const PhaseClock::Scope timed(context_.clock, Phase::solve);
  const auto eta = static_cast<Real>(layer.eta);
  // B = R F̂ᵀ = −η S F̂ᵀ   (outputs × fan_in)
  device.gemm(Op::none, Op::transpose, -eta, layer.masked, layer.features, 0, step_.view());
  {
    const PhaseClock::Scope waiting(context_.clock, Phase::communication);
    context_.communicator.all_reduce_sum(step_.view());
  }
  wait_for_gram();

  ProximalStep result;
  const auto fan_in = static_cast<double>(layer.spec.fan_in());
  // λ is added once, to the reduced A.
  result.lambda = damping_.kind == Damping::Kind::relative ? device.damp(gram_.view(), 0, damping_.value / fan_in)
                                                           : device.damp(gram_.view(), damping_.value, 0);
  result.failed_minor = device.cholesky(gram_.view());  // A + λI = L Lᵀ
  if (result.failed_minor != 0) return result;
  device.solve_right(gram_.view(), step_.view());  // ΔŴ = B (A + λI)⁻¹
  device.axpy(1, step_.view(), layer.weights);     // Ŵ ← Ŵ + ΔŴ
  return result;
}

}  // namespace sibp
