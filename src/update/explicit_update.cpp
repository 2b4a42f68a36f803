#include "update/explicit_update.hpp"

namespace sibp {

void carry_difference(const UpdateContext& context, const LayerBackward& layer) {
  if (layer.carried.rows == 0) return;
  const PhaseClock::Scope timed(context.clock, Phase::backward);
  const ConstMatrixView w = ConstMatrixView(layer.weights).left_cols(layer.spec.inputs);
  // D_{i−1} = W_iᵀ S_i   (inputs × M_p)
  context.device.gemm(Op::transpose, Op::none, 1, w, layer.masked, 0, layer.carried);
}

GradientReductions::GradientReductions(const UpdateContext& context, const NetworkSpec& spec, std::size_t first)
    : context_(context), first_(first) {
  for (std::size_t i = first; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    gradients_.push_back(
        {context.communicator.make_reducible(context.device, layer.outputs, layer.fan_in()), std::nullopt});
  }
}

void GradientReductions::start(const LayerBackward& layer) {
  Gradient& gradient = gradients_.at(static_cast<std::size_t>(layer.layer) - first_);
  gradient.started.emplace(layer);
  const auto share = static_cast<Real>(1.0 / static_cast<double>(layer.global_batch));
  // S F̂ᵀ / M   (outputs × fan_in)
  context_.device.gemm(Op::none, Op::transpose, share, layer.masked, layer.features, 0, gradient.sum->view());
  gradient.sum->start_sum();
}

MatrixView GradientReductions::finish(std::size_t layer) {
  Gradient& gradient = gradients_.at(layer - first_);
  const PhaseClock::Scope timed(context_.clock, Phase::communication);
  gradient.sum->wait();
  return gradient.sum->view();
}

}  // namespace sibp
