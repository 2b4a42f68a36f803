#include "update/explicit_update.hpp"

namespace sibp {

void carry_difference(const UpdateContext& context, const LayerBackward& layer) {
  if (layer.carried.rows == 0) return;
  const PhaseClock::Scope timed(context.clock, Phase::backward);
  const ConstMatrixView w = ConstMatrixView(layer.weights).left_cols(layer.spec.inputs);
  // D_{i−1} = W_iᵀ S_i   (inputs × M_p)
  context.device.gemm(Op::transpose, Op::none, 1, w, layer.masked, 0, layer.carried);
}

namespace {

/// Of the gradients, in the order of the backward pass.
std::vector<FusedSums::Shape> shapes_of_gradients(const NetworkSpec& spec, std::size_t first) {
  std::vector<FusedSums::Shape> shapes;
  for (std::size_t i = spec.layers.size(); i-- > first;) {
    shapes.push_back({spec.layers[i].outputs, spec.layers[i].fan_in()});
  }
  return shapes;
}

}  // namespace

GradientReductions::GradientReductions(const UpdateContext& context, const NetworkSpec& spec, std::size_t first)
    : context_(context),
      first_(first),
      started_(spec.layers.size() - first),
      sums_(context.device, context.communicator, shapes_of_gradients(spec, first)) {
}

void GradientReductions::start(const LayerBackward& layer) {
  const auto i = static_cast<std::size_t>(layer.layer);
  started_.at(i - first_).emplace(layer);
  const auto share = static_cast<Real>(1.0 / static_cast<double>(layer.global_batch));
  // S F̂ᵀ / M   (outputs × fan_in)
  sums_.set_product(place(i), share, layer.masked, layer.features);
  sums_.ready(place(i));
}

MatrixView GradientReductions::finish(std::size_t layer) {
  const PhaseClock::Scope timed(context_.clock, Phase::communication);
  sums_.wait(place(layer));
  return sums_.view(place(layer));
}

}  // namespace sibp
