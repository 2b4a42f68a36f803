#include "update/scale_solve.hpp"

#include "update/reshaped_update.hpp"

#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

/// A = [Σ x̂²  Σ x̂; Σ x̂  N] of one channel.
struct LeastSquares {
  double xx, x, n;

  /// λ for the trace of a matrix of this order.
  static double lambda(const Damping& damping, double trace, int order) {
    return damping.kind == Damping::Kind::relative ? damping.value * trace / order : damping.value;
  }
  /// Δγ and Δβ.
  [[nodiscard]] std::pair<double, double> solve_both(const Damping& damping, double delta_input, double delta) const {
    const double l = lambda(damping, xx + n, 2);
    const double determinant = (xx + l) * (n + l) - x * x;
    return {-((n + l) * delta_input - x * delta) / determinant, -((xx + l) * delta - x * delta_input) / determinant};
  }
  /// 0 and Δβ.
  [[nodiscard]] std::pair<double, double> solve_shift(const Damping& damping, double delta) const {
    return {0, -delta / (n + lambda(damping, n, 1))};
  }
  /// ‖γ x̂ + β‖² over the pixels.
  [[nodiscard]] double squared(double gamma, double beta) const {
    return gamma * gamma * xx + 2 * gamma * beta * x + beta * beta * n;
  }
};

}  // namespace

ScaleSolve::ScaleSolve(Device& device, const NetworkSpec& spec, const ProximalOptions& options)
    : device_(device), damping_(options.convolution.damping), rule_(options.step), momentum_(options.momentum) {
  for (const ScaleShape& scales : spec.scales())
    averages_.push_back(device.allocate(momentum_.averages() ? scales.channels : 0, scales.columns));
}

std::pair<double, double> ScaleSolve::solve(const ScaleMap::Sums& sums) {
  const std::size_t channels = sums.delta.size();
  const std::size_t first_beta = host_.size() - channels;  // 0 where γ is fixed
  const bool has_gamma = first_beta > 0;
  step_.resize(host_.size());
  double move = 0;
  double size = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    const LeastSquares a{sums.squares[c], sums.inputs[c], sums.count};
    const auto [of_gamma, of_beta] =
        has_gamma ? a.solve_both(damping_, sums.delta_input[c], sums.delta[c]) : a.solve_shift(damping_, sums.delta[c]);
    if (has_gamma) step_[c] = averaged(c, of_gamma);
    step_[first_beta + c] = averaged(first_beta + c, of_beta);
    move += a.squared(has_gamma ? step_[c] : 0, step_[first_beta + c]);
    size += a.squared(has_gamma ? static_cast<double>(host_[c]) : 1, static_cast<double>(host_[first_beta + c]));
  }
  return {move, size};
}

double ScaleSolve::averaged(std::size_t k, double solved) {
  if (!momentum_.averages_gradients()) return solved;
  average_[k] = static_cast<Real>(momentum_.mu * static_cast<double>(average_[k]) + (1 - momentum_.mu) * solved);
  return momentum_.of_average() * static_cast<double>(average_[k]) + momentum_.of_step() * solved;
}

void ScaleSolve::update(ScaleMap& scales, const StepSize& step) {
  const MatrixView weights = scales.weights();
  host_.resize(static_cast<std::size_t>(weights.size()));
  device_.download(weights, host_);
  if (momentum_.averages()) {
    average_.resize(host_.size());
    device_.download(averages_.at(scales.index()).view(), average_);
  }
  const auto [move, size] = solve(scales.sums());
  const double factor = step_factor(rule_, step, false, move, size);
  if (!momentum_.averages_updates()) {
    for (std::size_t k = 0; k < host_.size(); ++k)
      host_[k] = static_cast<Real>(static_cast<double>(host_[k]) + factor * step_[k]);
  } else {
    for (std::size_t k = 0; k < host_.size(); ++k) {
      const double moved = factor * step_[k];
      average_[k] = static_cast<Real>(momentum_.mu * static_cast<double>(average_[k]) + (1 - momentum_.mu) * moved);
      host_[k] +=
          static_cast<Real>(momentum_.of_average()) * average_[k] + static_cast<Real>(momentum_.of_step() * moved);
    }
  }
  if (momentum_.averages()) device_.upload(average_, averages_.at(scales.index()).view());
  device_.upload(host_, weights);
}

void ScaleSolve::add_state(UpdateState& state) {
  if (!momentum_.averages()) return;
  for (std::size_t i = 0; i < averages_.size(); ++i)
    state.matrices.emplace(fmt::format("momentum.{}.scales", i), averages_[i].view());
}

}  // namespace sibp
