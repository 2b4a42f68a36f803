#include "update/damped_system.hpp"

namespace sibp {

ProximalStep factorise(Device& device, MatrixView a, const Damping& damping, Index fan_in, Index mean_over) {
  const auto samples = static_cast<double>(mean_over);
  const bool relative = damping.kind == Damping::Kind::relative;
  const DampedFactor factor = device.damped_cholesky(a, relative ? 0 : damping.value / samples,
                                                     relative ? damping.value / static_cast<double>(fan_in) : 0);
  return {samples * factor.lambda, factor.failed_minor};
}

}  // namespace sibp
