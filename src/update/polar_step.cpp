#include "update/polar_step.hpp"

#include <algorithm>
#include <cmath>

namespace sibp {
namespace {

Index shorter_side(const MapShape& map) {
  return std::min(map.outputs, map.fan_in());
}

}  // namespace

PolarStep::PolarStep(Device& device, StepRule::Kind kind, const MapShape& map)
    : device_(device),
      is_spectral_(kind == StepRule::Kind::spectral),
      polar_(device, shorter_side(map), map.parameters()),
      step_(device.allocate(map.fan_in(), map.outputs)) {
}

void PolarStep::solve(ConstMatrixView factor, MatrixView rows) {
  if (is_spectral_) {
    device_.solve_triangle(Op::none, factor, rows);
  } else {
    device_.solve_left(factor, rows);
  }
}

void PolarStep::take(ConstMatrixView x, ConstMatrixView factor) {
  const MatrixView step = step_.view();
  device_.copy(x, step);
  polar_.replace(step);
  if (is_spectral_) device_.solve_triangle(Op::transpose, factor, step);
}

void add_polar_step(Tally& tally, StepRule::Kind kind, const MapShape& map, int ranks) {
  const auto n = static_cast<double>(map.fan_in());
  const auto o = static_cast<double>(map.outputs);
  PolarFactor::add_cost(tally, n, o);
  if (kind == StepRule::Kind::spectral) tally.solve(n, o / 2);  // half of a solve
  tally.gemm(std::ceil(o / ranks), n, n);                       // ΔŴ L, a rank's rows
}

double polar_step_elements(const MapShape& map) {
  const auto shorter = static_cast<double>(shorter_side(map));
  const auto parameters = static_cast<double>(map.parameters());
  return PolarFactor::elements(shorter, parameters) + parameters;
}

}  // namespace sibp
