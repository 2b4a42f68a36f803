#include "update/explicit_update.hpp"

namespace sibp {

void carry_difference(const UpdateContext& context, LinearMap& map) {
  const PhaseClock::Scope timed(context.clock, Phase::backward);
  map.carry();
}

void carry_difference(const UpdateContext& context, ScaleMap& scales) {
  const PhaseClock::Scope timed(context.clock, Phase::backward);
  scales.carry();
}

namespace {

/// Of the gradients, in the order of the backward pass.
std::vector<FusedSums::Shape> shapes_of_gradients(const NetworkSpec& spec, std::size_t first) {
  std::vector<FusedSums::Shape> shapes;
  for (std::size_t i = spec.maps.size(); i-- > first;) shapes.push_back({spec.maps[i].outputs, spec.maps[i].fan_in()});
  return shapes;
}

}  // namespace

GradientReductions::GradientReductions(const UpdateContext& context, const NetworkSpec& spec, std::size_t first)
    : context_(context),
      first_(first),
      started_(spec.maps.size() - first),
      sums_(context.device, context.communicator, shapes_of_gradients(spec, first)) {
}

void GradientReductions::start(LinearMap& map, const StepSize& step) {
  const std::size_t i = map.index();
  started_.at(i - first_) = &map;
  const auto share = static_cast<Real>(1.0 / static_cast<double>(step.global_batch));
  // S P̂ᵀ / M   (outputs × fan_in)
  sums_.set_product(place(i), share, map.delta_and_inputs());
  sums_.ready(place(i));
}

MatrixView GradientReductions::finish(std::size_t map) {
  const PhaseClock::Scope timed(context_.clock, Phase::communication);
  sums_.wait(place(map));
  return sums_.view(place(map));
}

}  // namespace sibp
