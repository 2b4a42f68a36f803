#pragma once

#include "sibp/update/cost_model.hpp"

#include <algorithm>
#include <cmath>

namespace sibp {

/// Adds up operations, by their shapes.
class Tally {
 public:
  Tally(const StepShape& step, const MachineRates& rates) : ranks_(step.ranks), rates_(rates) {}

  /// One of the same step and rates, without anything in it.
  [[nodiscard]] Tally fresh() const { return Tally(ranks_, rates_); }
  [[nodiscard]] const MachineRates& rates() const { return rates_; }

  void gemm(double m, double n, double k) { work(2 * m * n * k, rates_.gemm, std::min({m, n, k})); }
  void syrk(double n, double k) { work(n * n * k, rates_.syrk, std::min(n, k)); }
  void cholesky(double n) { work(n * n * n / 3, rates_.cholesky, n); }
  void solve(double n, double m) { work(2 * n * n * m, rates_.solve, std::min(n, m)); }
  /// Element-wise work that reads and writes so many elements.
  void touch(double elements) { seconds += elements * sizeof(Real) / rates_.memory_bytes; }
  /// Element-wise work that is more arithmetic than memory.
  void elementwise(double operations) { work(operations, rates_.gemm, 1); }
  void all_reduce(double elements) { transfer(elements, 1, rates_.reduce_bytes); }
  /// Half of an all-reduce, and so is a reduce-scatter.
  void gather(double elements) { transfer(elements, 0.5, rates_.gather_bytes); }
  void reduce_scatter(double elements) { transfer(elements, 0.5, rates_.scatter_bytes); }
  /// What another tally has, done in one of so many steps.
  void add(const Tally& other, Index every) {
    const auto share = 1 / static_cast<double>(every);
    flops += share * other.flops;
    seconds += share * other.seconds;
    bytes += share * other.bytes;
    seconds_communication += share * other.seconds_communication;
  }

  double flops = 0;
  double seconds = 0;
  double bytes = 0;
  double seconds_communication = 0;

 private:
  Tally(int ranks, const MachineRates& rates) : ranks_(ranks), rates_(rates) {}

  void work(double operations, const RateBySize& rates, double size) {
    flops += operations;
    seconds += operations / rate_at(rates, std::max<Index>(static_cast<Index>(size), 1));
  }
  void transfer(double elements, double halves, double bytes_per_second) {
    if (ranks_ == 1) return;
    bytes += halves * elements * sizeof(Real);
    seconds_communication += rates_.latency_seconds + elements * sizeof(Real) / bytes_per_second;
  }

  int ranks_;
  const MachineRates& rates_;
};

/// n_{i−1} + 1, n_{i−1}, n_i, the columns of all ranks and of one as numbers to calculate with.
struct Sizes {
  explicit Sizes(const LayerInStep& step)
      : n(static_cast<double>(step.layer.fan_in())),
        inputs(static_cast<double>(step.layer.inputs)),
        o(static_cast<double>(step.layer.outputs)),
        batch(static_cast<double>(step.step.batch * step.layer.columns)),
        local(std::ceil(static_cast<double>(step.step.batch) / step.step.ranks) *
              static_cast<double>(step.layer.columns)) {}

  double n, inputs, o, batch, local;
};

/// Adds the products of a map's forward and backward pass.
void add_network(Tally& tally, const LayerInStep& step);

/// What one rank does in a map: the products of the network, and those of its update.
LayerCost cost_of(const Tally& network, const Tally& update);

}  // namespace sibp
