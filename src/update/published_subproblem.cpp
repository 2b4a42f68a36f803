#include "update/published_subproblem.hpp"

#include "update/published_search.hpp"

#include <array>

namespace sibp {
namespace {

constexpr int iterations = 5;

}  // namespace

PublishedSubProblem::PublishedSubProblem(const UpdateContext& context, double lambda)
    : context_(context),
      lambda_(lambda),
      gradient_(context.device),
      direction_(context.device),
      moved_(context.device),
      activation_(context.device),
      residual_(context.device),
      image_(context.device) {
}

PublishedSubProblem::Views PublishedSubProblem::views_for(const Problem& problem) {
  const auto [rows, cols] = std::pair(problem.x.rows, problem.x.cols);
  const Index samples = problem.features.cols;
  return {gradient_.of(rows, cols),      direction_.of(rows, cols),   moved_.of(rows, cols),
          activation_.of(rows, samples), residual_.of(rows, samples), image_.of(rows, samples)};
}

void PublishedSubProblem::minimise(const Problem& problem) {
  Device& device = context_.device;
  const PhaseClock::Scope timed(context_.clock, Phase::solve);
  const Views views = views_for(problem);
  device.fill(views.moved, 0);
  device.fill(views.direction, 0);
  double size = 0;  // ‖g‖²
  for (int k = 0; k < iterations; ++k) {
    form_residual(problem, views, k == 0 && problem.is_last);
    form_gradient(problem, views);
    const double new_size = device.sum_of_squares(views.gradient);
    // d ← −g_new + (‖g_new‖² / ‖g‖²) d, at first −g
    device.scale(size > 0 ? static_cast<Real>(new_size / size) : Real(0), views.direction);
    device.axpy(-1, views.gradient, views.direction);
    size = new_size;
    search(problem, views);
  }
}

void PublishedSubProblem::form_residual(const Problem& problem, const Views& views, bool without_constant) {
  Device& device = context_.device;
  if (without_constant) {
    device.copy(problem.target, views.residual);
    device.gemm(Op::none, Op::none, 1, problem.x, problem.features, -1, views.residual);  // x F − T
    return;
  }
  device.copy(problem.pre_activation, views.residual);
  device.activate(problem.activation, views.residual);
  device.copy(views.residual, views.activation);    // σ(G)
  device.axpy(-1, problem.target, views.residual);  // σ(G) − T
}

void PublishedSubProblem::form_gradient(const Problem& problem, const Views& views) {
  Device& device = context_.device;
  MatrixView masked = views.residual;
  if (problem.activation != Activation::identity) {
    // H is formed only after the gradient: its place is free.
    masked = views.image;
    device.apply_derivative(problem.activation, views.activation, views.residual, masked);
  }
  // g = 2 (residual ∘ σ'(G)) Fᵀ + 2λ (x − x_old)   (as x); the second term once, to the reduced sum
  device.gemm(Op::none, Op::transpose, 2, masked, problem.features, 0, views.gradient);
  {
    const PhaseClock::Scope waiting(context_.clock, Phase::communication);
    context_.communicator.all_reduce_sum(views.gradient);
  }
  device.axpy(static_cast<Real>(2 * lambda_), views.moved, views.gradient);
}

void PublishedSubProblem::search(const Problem& problem, const Views& views) {
  Device& device = context_.device;
  device.gemm(Op::none, Op::none, 1, views.direction, problem.features, 0, views.image);  // H = d F

  // obj(x) and obj(x + 0.6^m d) for every m: σ(G + t H) costs no product, so all travel in one reduction.
  std::array<double, 1 + PublishedSearch::exponents> steps{0};
  for (int m = 0; m < PublishedSearch::exponents; ++m) {
    steps[static_cast<std::size_t>(1 + m)] = PublishedSearch::step(m);
  }
  std::array<double, steps.size()> objectives{};
  device.residual_sums(problem.activation, problem.pre_activation, views.image, problem.target, steps, objectives);
  {
    const PhaseClock::Scope waiting(context_.clock, Phase::communication);
    context_.communicator.all_reduce_sum(std::span<double>(objectives));
  }
  const double moved_moved = device.sum_of_squares(views.moved);
  const double moved_direction = device.inner_product(views.moved, views.direction);
  const double direction_direction = device.sum_of_squares(views.direction);
  for (std::size_t k = 0; k < steps.size(); ++k) {
    // λ ‖x + t d − x_old‖²
    objectives[k] +=
        lambda_ * (moved_moved + 2 * steps[k] * moved_direction + steps[k] * steps[k] * direction_direction);
  }

  const PublishedSearch rule{.objective = objectives[0],
                             .descent = device.inner_product(views.gradient, views.direction),
                             .objectives = std::span<const double>(objectives).subspan(1)};
  const std::optional<int> exponent = problem.is_last ? rule.first_passing() : rule.guessed();
  if (!exponent || *exponent == 0) return;
  const auto step = static_cast<Real>(PublishedSearch::step(*exponent));
  device.axpy(step, views.direction, problem.x);           // x ← x + t d
  device.axpy(step, views.direction, views.moved);         // x − x_old
  device.axpy(step, views.image, problem.pre_activation);  // G ← G + t H
}

}  // namespace sibp
