#include "update/optimiser.hpp"

#include <cmath>
#include <span>

#include <fmt/format.h>

namespace sibp {

OptimiserState::OptimiserState(Device& device, const NetworkSpec& spec, Optimiser kind, const MethodOptions& options,
                               std::size_t first_map)
    : device_(device), kind_(kind), options_(options), first_map_(first_map) {
  for (const MapShape& map : std::span(spec.maps).subspan(first_map))
    of_maps_.push_back(make_moments(map.outputs, map.fan_in()));
  for (const ScaleShape& scales : spec.scales()) of_scales_.push_back(make_moments(scales.channels, scales.columns));
}

OptimiserState::Moments OptimiserState::make_moments(Index rows, Index cols) {
  return {device_.allocate(rows, cols), device_.allocate(kind_ == Optimiser::adam ? rows : 0, cols)};
}

void OptimiserState::apply(Moments& moments, double rate, double decay, ConstMatrixView gradient, MatrixView weights) {
  if (kind_ == Optimiser::sgd) {
    device_.momentum_step({.rate = rate,
                           .momentum = options_.momentum.value_or(0),
                           .weight_decay = decay,
                           .nesterov = options_.nesterov.value_or(false)},
                          gradient, moments.first.view(), weights);
    return;
  }
  if (options_.decouples_decay) {
    device_.scale(static_cast<Real>(1 - rate * decay), weights);
    decay = 0;
  }
  const auto t = static_cast<double>(steps_);
  device_.adam_step({.rate = rate,
                     .beta1 = options_.beta1,
                     .beta2 = options_.beta2,
                     .epsilon = options_.epsilon,
                     .weight_decay = decay,
                     .first_correction = 1 - std::pow(options_.beta1, t),
                     .second_correction = 1 - std::pow(options_.beta2, t)},
                    gradient, moments.first.view(), moments.second.view(), weights);
}

void OptimiserState::add_state(UpdateState& state, std::vector<Moments>& all, std::size_t first,
                               std::string_view suffix) const {
  for (std::size_t k = 0; k < all.size(); ++k) {
    const std::size_t i = first + k;
    const char* name = kind_ == Optimiser::sgd ? "velocity" : "first";
    state.matrices.emplace(fmt::format("{}.{}{}", name, i, suffix), all[k].first.view());
    if (kind_ == Optimiser::adam) state.matrices.emplace(fmt::format("second.{}{}", i, suffix), all[k].second.view());
  }
}

UpdateState OptimiserState::state() {
  UpdateState state;
  add_state(state, of_maps_, first_map_, "");
  add_state(state, of_scales_, 0, ".scales");
  if (kind_ == Optimiser::adam) state.numbers.emplace("steps", steps_);
  return state;
}

}  // namespace sibp
