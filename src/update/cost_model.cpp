#include "sibp/update/cost_model.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace sibp {
namespace {

/// Adds up operations, by their shapes.
class Tally {
 public:
  Tally(const StepShape& step, const MachineRates& rates) : ranks_(step.ranks), rates_(rates) {}

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

void add_network(Tally& tally, const LayerInStep& step, const Sizes& s) {
  tally.gemm(s.o, s.local, s.n);                                                     // G = Ŵ F̂
  tally.touch(5 * s.o * s.local);                                                    // σ, σ'
  if (!step.is_first) tally.gemm(s.inputs, s.local, s.o);                            // D = Wᵀ S
  if (step.layer.columns > 1) tally.touch((step.is_first ? 2 : 4) * s.n * s.local);  // patches unfolded and folded
}

Tally gram(const Sizes& s, const LayerInStep& layer, const MachineRates& rates) {
  const StepShape& step = layer.step;
  const bool convolves = layer.layer.columns > 1;
  const double columns = s.local / static_cast<double>(convolves ? step.convolution_gram_sample : 1);
  Tally tally(step, rates);
  tally.syrk(s.n, columns);
  if (convolves) tally.touch(2 * s.n * columns);                        // patches unfolded
  if (step.ranks > 1) tally.touch(2 * s.n * s.n);                       // packed and unpacked
  if (step.gram_every_of(layer.layer) > 1) tally.touch(6 * s.n * s.n);  // the mean
  tally.all_reduce(s.n * (s.n + 1) / 2);
  tally.cholesky(s.n);
  return tally;
}

/// The whole update on every rank.
void add_dual(Tally& tally, const Sizes& s, bool distributed) {
  if (distributed) tally.touch(2 * (s.n + s.o) * s.local);
  tally.touch(2 * std::min(s.n, s.o) * s.batch);
  tally.gather(s.n * s.batch);
  tally.gather(s.o * s.batch);
  tally.syrk(s.batch, s.n);
  tally.cholesky(s.batch);
  tally.solve(s.batch, std::min(s.n, s.o));
  tally.gemm(s.o, s.n, s.batch);
}

/// The update's work divided by the number of ranks, which is more than 1.
void add_dual_split(Tally& tally, const LayerInStep& layer, const Sizes& s, const MachineRates& rates) {
  const double own = std::ceil(std::min(s.n, s.o) / layer.step.ranks);  // rows or columns of Ŵ
  const double length = std::max(s.n, s.o);
  tally.touch(2 * (s.n + s.o) * s.local);
  tally.gather(s.n * s.batch);
  tally.gather(s.o * s.batch);
  tally.gemm(s.batch, s.batch / 2, s.n / layer.step.ranks);  // a share of the triangle of K
  tally.gather(s.batch * s.batch);
  tally.touch(2 * s.batch * s.batch + 2 * own * (s.batch + length));
  tally.cholesky(s.batch);
  tally.solve(s.batch, own);
  tally.gemm(own, length, s.batch);
  tally.gather(s.n * s.o);
  tally.touch(2 * (s.n * s.o - own * length));
  if (layer.is_first || layer.step.carry == Carry::old_weights || rates.shares_memory) return;
  tally.gemm(s.batch, s.local, s.o);
  tally.solve(s.batch, s.local);
  tally.gemm(s.inputs, s.local, s.batch);
}

void add_update(Tally& tally, Form form, const LayerInStep& layer, const Sizes& s, const MachineRates& rates) {
  const StepShape& step = layer.step;
  const bool distributed = step.ranks > 1;
  switch (form) {
    case Form::normal:
      tally.add(gram(s, layer, rates), step.gram_every_of(layer.layer));
      tally.gemm(s.n, s.o, s.local);
      if (layer.layer.columns > 1) tally.touch(2 * s.n * s.local);
      tally.reduce_scatter(s.n * s.o);
      tally.solve(s.n, std::ceil(s.o / step.ranks));
      tally.gather(s.n * s.o);
      tally.touch(3 * s.n * s.o);
      break;
    case Form::activations:
      tally.add(gram(s, layer, rates), step.gram_every);
      tally.touch(2 * s.n * s.local);
      tally.solve(s.n, s.local);
      tally.gemm(s.o, s.n, s.local);
      tally.all_reduce(s.n * s.o);
      if (distributed) tally.touch(3 * s.n * s.o);
      break;
    case Form::dual:
      add_dual(tally, s, distributed);
      break;
    case Form::dual_split:
      if (distributed) {
        add_dual_split(tally, layer, s, rates);
      } else {
        add_dual(tally, s, distributed);
      }
      break;
  }
}

LayerCost cost_of(const Tally& network, const Tally& update) {
  return {network.flops, update.flops, update.bytes, network.seconds, update.seconds, update.seconds_communication};
}

}  // namespace

MachineRates MachineRates::uniform(double flops, double latency_seconds, double reduce_bytes) {
  MachineRates rates;
  for (RateBySize* rate : {&rates.gemm, &rates.syrk, &rates.cholesky, &rates.solve}) rate->fill(flops);
  rates.memory_bytes = flops;  // machines do about as many operations as they move bytes, or more
  rates.latency_seconds = latency_seconds;
  rates.reduce_bytes = reduce_bytes;
  rates.gather_bytes = 2 * reduce_bytes;
  rates.scatter_bytes = 2 * reduce_bytes;
  return rates;
}

LayerCost& LayerCost::operator+=(const LayerCost& other) {
  flops_network += other.flops_network;
  flops_update += other.flops_update;
  bytes_reduced += other.bytes_reduced;
  seconds_network += other.seconds_network;
  seconds_update += other.seconds_update;
  seconds_communication += other.seconds_communication;
  return *this;
}

double rate_at(const RateBySize& rates, Index size) {
  const auto& sizes = MachineRates::sizes;
  if (size <= sizes.front()) return rates.front() * static_cast<double>(size) / static_cast<double>(sizes.front());
  for (std::size_t k = 1; k < sizes.size(); ++k) {
    if (size > sizes[k]) continue;
    const double below = std::log(static_cast<double>(sizes[k - 1]));
    const double share =
        (std::log(static_cast<double>(size)) - below) / (std::log(static_cast<double>(sizes[k])) - below);
    return rates[k - 1] + share * (rates[k] - rates[k - 1]);
  }
  return rates.back();
}

LayerCost semi_implicit_cost(Form form, const LayerInStep& step, const MachineRates& rates) {
  const Sizes sizes(step);
  Tally network(step.step, rates);
  Tally update(step.step, rates);
  add_network(network, step, sizes);
  add_update(update, form, step, sizes, rates);
  return cost_of(network, update);
}

LayerCost element_cost(const LayerSpec& layer, const StepShape& step, const MachineRates& rates) {
  Tally network(step, rates);
  network.touch(static_cast<double>(layer.touched()) * std::ceil(static_cast<double>(step.batch) / step.ranks));
  LayerCost cost = cost_of(network, Tally(step, rates));
  const auto has_scales = [](const ParameterSpec& parameter) { return parameter.role == ParameterRole::scales; };
  constexpr double messages = 2;  // sums of some numbers a channel, forward and back
  if (step.ranks > 1 && std::ranges::any_of(layer.parameters(), has_scales))
    cost.seconds_communication = messages * rates.latency_seconds;
  return cost;
}

LayerCost gradient_cost(const LayerInStep& step, const MachineRates& rates, int cg_steps) {
  const Sizes s(step);
  Tally network(step.step, rates);
  Tally update(step.step, rates);
  add_network(network, step, s);
  update.gemm(s.o, s.n, s.local);
  if (step.layer.columns > 1) update.touch(2 * s.n * s.local);  // patches unfolded
  update.all_reduce(s.n * s.o);
  update.touch(6 * s.n * s.o);  // momentum and weights
  for (int k = 0; k < cg_steps; ++k) {
    update.gemm(s.o, s.local, s.n);  // V F̂
    update.gemm(s.o, s.n, s.local);  // (V F̂) F̂ᵀ
    update.all_reduce(s.n * s.o);
    update.touch(10 * s.n * s.o);
  }
  return cost_of(network, update);
}

LayerCost published_cost(const LayerInStep& step, const MachineRates& rates) {
  constexpr int cg_steps = 5;
  constexpr double flops_of_exponent = 6;  // of one element: G + tH, σ, and a product of two differences
  const Sizes s(step);
  Tally network(step.step, rates);
  Tally update(step.step, rates);
  add_network(network, step, s);
  update.gemm(s.o, s.local, s.n);
  for (const auto& [columns, exponents] : {std::pair(s.inputs, 3), std::pair(1.0, 15)}) {  // W, then b
    for (int k = 0; k < cg_steps; ++k) {
      update.gemm(s.o, columns, s.local);
      update.all_reduce(s.o * columns);
      update.touch(15 * s.o * columns);
      update.gemm(s.o, s.local, columns);
      update.elementwise(flops_of_exponent * exponents * s.o * s.local);
    }
  }
  return cost_of(network, update);
}

std::vector<Form> forms_on(int ranks, bool alike, Index gram_every) {
  if (gram_every > 1) return {Form::normal, Form::activations};
  if (ranks == 1) return {Form::normal, Form::activations, Form::dual};
  if (!alike) return {Form::normal, Form::activations, Form::dual_split};
  return {Form::normal, Form::activations, Form::dual, Form::dual_split};
}

std::vector<Form> everywhere_it_fits(Form form, const NetworkSpec& spec) {
  std::vector<Form> forms;
  for (const MapShape& map : spec.maps) forms.push_back(fits(form, map) ? form : Form::normal);
  return forms;
}

std::vector<Form> choose_forms(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates,
                               const std::vector<Form>& candidates) {
  std::vector<Form> chosen;
  for (const MapShape& map : spec.maps) {
    const LayerInStep step{map, chosen.empty(), shape};
    std::vector<Form> fitting;
    std::ranges::copy_if(candidates, std::back_inserter(fitting), [&](Form form) { return fits(form, map); });
    const auto cheapest = std::ranges::min_element(
        fitting, {}, [&](Form form) { return semi_implicit_cost(form, step, rates).seconds(); });
    chosen.push_back(cheapest == fitting.end() ? Form::normal : *cheapest);
  }
  return chosen;
}

}  // namespace sibp
