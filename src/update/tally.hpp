#pragma once

#include "sibp/update/cost_model.hpp"

#include <algorithm>
#include <cmath>

namespace sibp {

/// Adds up operations, by their shapes.
class Tally {
 public:
  Tally(const StepShape& step, const MachineRates& rates)
      : ranks_(step.ranks),
        bytes_of_element_(step.wire == Wire::bfloat16 && !rates.shares_memory ? 2.0 : double{sizeof(Real)}),
        rates_(rates) {}

  /// One of the same step and rates, without anything in it.
  [[nodiscard]] Tally fresh() const { return Tally(ranks_, bytes_of_element_, rates_); }
  [[nodiscard]] const MachineRates& rates() const { return rates_; }

  void gemm(double m, double n, double k) { work(2 * m * n * k, rates_.gemm, std::min({m, n, k})); }
  void syrk(double n, double k) { work(n * n * k, rates_.syrk, std::min(n, k)); }
  void cholesky(double n) { work(n * n * n / 3, rates_.cholesky, n); }
  /// With few columns it takes as long as to read the factor for each half: its rate does not fall with their number.
  void solve(double n, double m) {
    const double operations = 2 * n * n * m;
    const double by_memory = n * n * sizeof(Real) / rates_.memory_bytes + operations / rates_.solve.front();
    flops += operations;
    seconds += std::min(operations / rate_of(rates_.solve, std::min(n, m)), by_memory);
  }
  /// Element-wise work that reads and writes so many elements.
  void touch(double elements) { seconds += elements * sizeof(Real) / rates_.memory_bytes; }
  /// Element-wise work that is more arithmetic than memory.
  void elementwise(double operations) { work(operations, rates_.gemm, 1); }
  void all_reduce(double elements) { transfer(elements, 1, rates_.reduce_bytes); }
  /// Half of an all-reduce, and so is a reduce-scatter.
  void gather(double elements) { transfer(elements, 0.5, rates_.gather_bytes); }
  void reduce_scatter(double elements) { transfer(elements, 0.5, rates_.scatter_bytes); }
  /// To one rank or from it: pieces follow each other along a tree.
  void reduce(double elements) { transfer(elements, 0.5, rates_.scatter_bytes / rates_.rooted_share); }
  void broadcast(double elements) { transfer(elements, 0.5, rates_.gather_bytes / rates_.rooted_share); }
  /// What another tally has, done in one of so many steps.
  void add(const Tally& other, Index every) {
    const auto share = 1 / static_cast<double>(every);
    flops += share * other.flops;
    seconds += share * other.seconds;
    bytes += share * other.bytes;
    seconds_communication += share * other.seconds_communication;
    flops_owned += share * other.flops_owned;
    seconds_owned += share * other.seconds_owned;
  }
  /// The work of another tally, which the owner of a map's system does alone, while the others wait for it or, as most
  /// have one of their own, do not.
  void add_owned(const Tally& other, bool others_wait) {
    flops_owned += other.flops;
    (others_wait ? seconds : seconds_owned) += other.seconds;
  }

  double flops = 0;
  double seconds = 0;
  double bytes = 0;
  double seconds_communication = 0;
  double flops_owned = 0;
  double seconds_owned = 0;

 private:
  Tally(int ranks, double bytes_of_element, const MachineRates& rates)
      : ranks_(ranks), bytes_of_element_(bytes_of_element), rates_(rates) {}

  void work(double operations, const RateBySize& rates, double size) {
    flops += operations;
    seconds += operations / rate_of(rates, size);
  }
  static double rate_of(const RateBySize& rates, double size) {
    return rate_at(rates, std::max<Index>(static_cast<Index>(size), 1));
  }
  void transfer(double elements, double halves, double bytes_per_second) {
    if (ranks_ == 1) return;
    bytes += halves * elements * bytes_of_element_;
    seconds_communication += rates_.latency_seconds + elements * bytes_of_element_ / bytes_per_second;
  }

  int ranks_;
  double bytes_of_element_;
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
