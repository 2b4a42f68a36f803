#include "sibp/update/step_cost.hpp"

namespace sibp {

LayerCost semi_implicit_cost(const LayerSpec& layer, bool first, Index batch, int ranks) {
  const auto n = static_cast<double>(layer.fan_in());
  const auto inputs = static_cast<double>(layer.inputs);
  const auto o = static_cast<double>(layer.outputs);
  const double local = static_cast<double>(batch) / ranks;
  LayerCost cost;
  cost.flops_network = 2 * o * n * local + (first ? 0 : 2 * o * inputs * local);
  cost.flops_update = n * n * local + 2 * n * o * local + n * n * n / 3 + 2 * n * n * o;
  if (ranks > 1) cost.bytes_reduced = (n * (n + 1) / 2 + n * o) * sizeof(Real);
  return cost;
}

}  // namespace sibp
