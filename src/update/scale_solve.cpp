#include "update/scale_solve.hpp"

#include "update/reshaped_update.hpp"

#include <utility>

#include <fmt/format.h>

namespace sibp {

ScaleSolve::ScaleSolve(Device& device, const NetworkSpec& spec, const ProximalOptions& options)
    : device_(device), damping_(options.convolution.damping), rule_(options.step), momentum_(options.momentum) {
  for (const Index channels : spec.scales()) averages_.push_back(device.allocate(momentum_ > 0 ? channels : 0, 2));
}

std::pair<double, double> ScaleSolve::solve(const ScaleMap::Sums& sums) {
  const std::size_t channels = sums.masked.size();
  step_.resize(2 * channels);
  double move = 0;
  double size = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    const double xx = sums.squares[c];
    const double x = sums.inputs[c];
    const double n = sums.count;
    const double lambda = damping_.kind == Damping::Kind::relative ? damping_.value * (xx + n) / 2 : damping_.value;
    const double determinant = (xx + lambda) * (n + lambda) - x * x;
    const double of_gamma = -((n + lambda) * sums.masked_input[c] - x * sums.masked[c]) / determinant;
    const double of_beta = -((xx + lambda) * sums.masked[c] - x * sums.masked_input[c]) / determinant;
    step_[c] = of_gamma;
    step_[channels + c] = of_beta;
    const auto squared = [&](double g, double b) { return g * g * xx + 2 * g * b * x + b * b * n; };
    move += squared(of_gamma, of_beta);
    size += squared(static_cast<double>(host_[c]), static_cast<double>(host_[channels + c]));
  }
  return {move, size};
}

void ScaleSolve::update(ScaleMap& scales, const StepSize& step) {
  const MatrixView weights = scales.weights();
  host_.resize(static_cast<std::size_t>(weights.size()));
  device_.download(weights, host_);
  const auto [move, size] = solve(scales.sums());
  const double factor = step_factor(rule_, step, false, move, size);
  if (momentum_ == 0) {
    for (std::size_t k = 0; k < host_.size(); ++k)
      host_[k] = static_cast<Real>(static_cast<double>(host_[k]) + factor * step_[k]);
  } else {
    const MatrixView average = averages_.at(scales.index()).view();
    average_.resize(host_.size());
    device_.download(average, average_);
    for (std::size_t k = 0; k < host_.size(); ++k) {
      average_[k] =
          static_cast<Real>(momentum_ * static_cast<double>(average_[k]) + (1 - momentum_) * factor * step_[k]);
      host_[k] += average_[k];
    }
    device_.upload(average_, average);
  }
  device_.upload(host_, weights);
}

void ScaleSolve::add_state(UpdateState& state) {
  if (momentum_ == 0) return;
  for (std::size_t i = 0; i < averages_.size(); ++i)
    state.matrices.emplace(fmt::format("momentum.{}.scales", i), averages_[i].view());
}

}  // namespace sibp
