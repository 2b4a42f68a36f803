#include "update/polar_step.hpp"

#include <algorithm>

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
      step_(device.allocate(map.fan_in(), map.outputs)),
      moved_(device.allocate(is_spectral_ ? 0 : map.fan_in(), map.outputs)) {
}

void PolarStep::solve(ConstMatrixView factor, MatrixView rows) {
  if (is_spectral_) {
    device_.solve_triangle(Op::none, factor, rows);
  } else {
    device_.solve_left(factor, rows);
  }
}

double PolarStep::take(ConstMatrixView x, ConstMatrixView factor, double added) {
  const MatrixView step = step_.view();
  device_.copy(x, step);
  polar_.replace(step);
  double in_metric = 0;  // ‖ΔŴ L‖²
  if (is_spectral_) {
    in_metric = device_.sum_of_squares(step);
    device_.solve_triangle(Op::transpose, factor, step);
  } else {
    device_.gemm(Op::transpose, Op::none, 1, factor, step, 0, moved_.view());
    in_metric = device_.sum_of_squares(moved_.view());
  }
  return in_metric - added * device_.sum_of_squares(step);
}

void add_polar_step(Tally& tally, StepRule::Kind kind, const MapShape& map) {
  const auto n = static_cast<double>(map.fan_in());
  const auto o = static_cast<double>(map.outputs);
  PolarFactor::add_cost(tally, n, o);
  if (kind == StepRule::Kind::spectral) {
    tally.solve(n, o / 2);  // half of a solve
  } else {
    tally.gemm(n, o, n);
  }
}

double polar_step_elements(StepRule::Kind kind, const MapShape& map) {
  const auto shorter = static_cast<double>(shorter_side(map));
  const double matrices = kind == StepRule::Kind::spectral ? 2 : 3;
  return 2 * shorter * shorter + matrices * static_cast<double>(map.parameters());
}

}  // namespace sibp
