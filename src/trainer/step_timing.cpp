#include "sibp/trainer/step_timing.hpp"

#include "sibp/comm/environment.hpp"
#include "sibp/core/random.hpp"
#include "sibp/trainer/training_step.hpp"
#include "sibp/update/methods.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

namespace sibp {
namespace {

/// Numbers of either sign without an order, since branches of the processor are faster where all are alike.
void fill(Device& device, MatrixView inputs) {
  SmallStream random(1, 0);
  std::vector<Real> numbers(static_cast<std::size_t>(inputs.size()));
  for (Real& number : numbers) number = std::ldexp(static_cast<Real>(random() >> 40U), -23) - 1;
  device.upload(numbers, inputs);
}

}  // namespace

double gradient_step_seconds(Device& device, const NetworkSpec& spec, Index samples) {
  PhaseClock clock;
  const UpdateContext context{device, make_self_communicator(), clock};
  Network network = make_network(device, spec, {}, 1);
  Workspace workspace(device, context.communicator, network, samples);
  const auto rule = make_update_rule(context, spec, default_options(Method::sgd), {samples, samples});
  workspace.set_samples(samples);
  fill(device, workspace.inputs().values());  // the labels are 0

  using Clock = std::chrono::steady_clock;
  constexpr int steps = 3;
  double least = std::numeric_limits<double>::infinity();
  for (int k = 0; k <= steps; ++k) {  // the first warms up
    const auto start = Clock::now();
    training_step(context, *rule, workspace, {samples, 1e-6}, {});
    device.synchronise();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (k > 0) least = std::min(least, seconds);
  }
  return least;
}

}  // namespace sibp
