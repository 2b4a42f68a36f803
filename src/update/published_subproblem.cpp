#include "update/published_subproblem.hpp"

namespace sibp {
namespace {

constexpr int iterations = 5;

}  // namespace

PublishedSubProblem::PublishedSubProblem(const UpdateContext& context, double lambda)
    : context_(context),
      lambda_(lambda),
      direction_(context.device),
      moved_(context.device),
      of_outputs_(context.device) {
}

double PublishedSubProblem::minimise(const Problem& problem) {
  Device& device = context_.device;
  const auto [x, features] = problem.variable;
  State state{.data_value = problem.data_value,
              .distance = 0,
              .direction = direction_.of(x.rows, x.cols),
              .moved = moved_.of(x.rows, x.cols),
              .of_outputs = of_outputs_.of(x.rows, features.cols)};
  device.fill(state.moved, 0);
  device.fill(state.direction, 0);
  double size = 0;  // ‖g‖²
  for (int k = 0; k < iterations; ++k) {
    form_gradient(problem, state, k == 0 && problem.is_last);
    const double new_size = device.sum_of_squares(problem.gradient.view());
    // d ← −g_new + (‖g_new‖² / ‖g‖²) d, at first −g
    device.scale(size > 0 ? static_cast<Real>(new_size / size) : Real(0), state.direction);
    device.axpy(-1, problem.gradient.view(), state.direction);
    size = new_size;
    search(problem, state);
  }
  device.axpy(1, state.moved, x);
  return state.data_value;
}

void PublishedSubProblem::form_gradient(const Problem& problem, const State& state, bool without_constant) {
  Device& device = context_.device;
  const MatrixView residual = state.of_outputs;
  problem.data.residual_delta(residual);
  if (without_constant) device.gemm(Op::none, Op::none, -1, problem.constant.x, problem.constant.features, 1, residual);
  const MatrixView gradient = problem.gradient.view();
  problem.gradient.set_product(device, gradient, 2, residual, problem.variable.features);
  {
    const PhaseClock::Scope waiting(context_.clock, Phase::communication);
    problem.gradient.start();
    problem.gradient.wait();
  }
  device.axpy(static_cast<Real>(2 * lambda_), state.moved, gradient);  // once, to the sum
}

void PublishedSubProblem::search(const Problem& problem, State& state) {
  Device& device = context_.device;
  const MatrixView image = state.of_outputs;
  device.gemm(Op::none, Op::none, 1, state.direction, problem.variable.features, 0, image);  // H = d F
  PublishedLine line(context_, problem.data, image, problem.activation == Activation::identity, lambda_,
                     {.descent = device.inner_product(problem.gradient.view(), state.direction),
                      .moved_direction = device.inner_product(state.moved, state.direction),
                      .direction_direction = device.sum_of_squares(state.direction)});
  const PublishedSearch rule{.descent = line.descent(), .change = [&](int m) { return line.change(m); }};
  const std::optional<int> exponent =
      problem.is_last ? rule.first_passing() : rule.guessed(state.data_value + lambda_ * state.distance);
  if (!exponent || *exponent == 0) return;
  state.data_value += line.data_change(*exponent);
  state.distance += line.distance_change(*exponent);
  const double step = PublishedSearch::step(*exponent);
  device.axpy(static_cast<Real>(step), state.direction, state.moved);
  problem.data.move(step, image);
}

}  // namespace sibp
