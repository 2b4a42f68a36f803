#include "update/damped_system.hpp"

namespace sibp {

ProximalStep factorise(Device& device, MatrixView a, const Damping& damping, Index fan_in, Index mean_over) {
  const auto samples = static_cast<double>(mean_over);
  ProximalStep step;
  step.lambda = samples * (damping.kind == Damping::Kind::relative
                               ? device.damp(a, 0, damping.value / static_cast<double>(fan_in))
                               : device.damp(a, damping.value / samples, 0));
  step.failed_minor = device.cholesky(a);
  return step;
}

}  // namespace sibp
