#pragma once

#include "sibp/comm/sum_options.hpp"
#include "sibp/model/network_spec.hpp"
#include "sibp/update/proximal_options.hpp"

#include <array>
#include <span>
#include <vector>

namespace sibp {

/// Floating-point operations per second of one rank, for an operation on matrices whose smallest dimension is
/// MachineRates::sizes[k].
using RateBySize = std::array<double, 5>;

/// What a machine does in a second, of one rank while all ranks work.
struct MachineRates {
  static constexpr std::array<Index, 5> sizes{32, 128, 512, 1280, 4096};

  RateBySize gemm{};
  RateBySize syrk{};
  RateBySize cholesky{};
  RateBySize solve{};
  double memory_bytes = 0;     ///< bytes per second read and written by element-wise work
  double latency_seconds = 0;  ///< of an all-reduce of one element
  double reduce_bytes = 0;     ///< bytes of a large matrix all-reduced per second
  double gather_bytes = 0;     ///< bytes of a large matrix gathered per second
  bool shares_memory = false;  ///< gathers are in memory that all ranks share
  double scatter_bytes = 0;    ///< bytes of a large matrix reduce-scattered per second
  /// Seconds to sum a large matrix at one rank, or to send it from one, over those to reduce-scatter or to gather it.
  double rooted_share = 1;

  /// The same rate for every operation and size; a gather or reduce-scatter is half of an all-reduce.
  static MachineRates uniform(double flops, double latency_seconds, double reduce_bytes);
  /// The same machine, if all work takes so many times as long. Communication does not.
  [[nodiscard]] MachineRates slowed(double times) const;
};

/// The rate at a size between the measured ones, by interpolation in the logarithm of the size. Local.
double rate_at(const RateBySize& rates, Index size);

/// What one rank does, sends and waits for in one layer of one step.
struct LayerCost {
  double flops_network = 0;  ///< forward pass and difference carried back
  double flops_update = 0;   ///< the update
  double bytes_reduced = 0;  ///< as counted by Communicator::bytes_reduced
  double seconds_network = 0;
  double seconds_update = 0;
  double seconds_communication = 0;  ///< of the collectives, were none hidden
  double flops_owned = 0;            ///< besides, of the owner of the layer's system alone
  double seconds_owned = 0;

  LayerCost& operator+=(const LayerCost& other);
  [[nodiscard]] double flops() const { return flops_network + flops_update; }
  [[nodiscard]] double seconds() const { return seconds_network + seconds_update + seconds_communication; }
};

/// What the dense layers' forms have to be able to do.
struct CurvatureNeeds {
  bool keeps_mean = false;  ///< A is a running mean over batches
  bool samples = false;     ///< A is of some samples of the batch
};

/// What a step's cost depends on beside the network.
struct StepShape {
  Index batch = 1;  ///< M, dealt evenly to the ranks
  int ranks = 1;    ///< P
  Carry carry = Carry::new_weights;
  Index gram_every = 1;               ///< T: of so many steps, one forms and factorises A in the forms that have it
  Index convolution_gram_every = 1;   ///< T of convolutions
  Index gram_sample = 1;              ///< k: A is formed of every k-th sample
  Index convolution_gram_sample = 1;  ///< k of convolutions

  bool gram_lags = false;     ///< A is a mean over the batches before
  Wire wire = Wire::float32;  ///< of what travels between nodes
  bool staggers = false;      ///< ProximalOptions::staggers

  [[nodiscard]] Index gram_every_of(const MapShape& map) const {
    return map.columns > 1 ? convolution_gram_every : gram_every;
  }
  [[nodiscard]] Index gram_sample_of(const MapShape& map) const {
    return map.columns > 1 ? convolution_gram_sample : gram_sample;
  }
  /// GramRefresh::offset of the map of that index.
  [[nodiscard]] Index gram_offset_of(std::size_t map, const NetworkSpec& spec) const {
    if (!staggers) return 0;
    return gram_offset(map, spec.maps.size(), gram_every_of(spec.maps.at(map)));
  }
  [[nodiscard]] bool keeps_mean_of(const MapShape& map) const { return gram_every_of(map) > 1 || gram_lags; }
  [[nodiscard]] CurvatureNeeds needs() const { return {gram_every > 1 || gram_lags, gram_sample > 1}; }
};

/// One map among those of a network.
struct LayerInStep {
  const MapShape& layer;
  bool is_first = false;  ///< carries no difference back
  StepShape step;
  SystemPlace place{};
};

/// The proximal update in one form; the formulas are those of class Form. Local.
LayerCost semi_implicit_cost(Form form, const LayerInStep& step, const MachineRates& rates);
/// Elements that one rank allocates for the update in one form. Local.
double update_elements(Form form, const LayerInStep& step);

/// What a layer without a map reads and writes, forward and back, and its messages where it has scales. Local.
LayerCost element_cost(const LayerSpec& layer, const StepShape& step, const MachineRates& rates);

/// A gradient step: 2noM/P flops, and the all-reduce of the gradient; then as many conjugate-gradient steps on
/// ΔŴ (F̂ F̂ᵀ + λI) = B as `cg_steps`: 4noM/P flops each, and the all-reduce of a product as large. Local.
LayerCost gradient_cost(const LayerInStep& step, const MachineRates& rates, int cg_steps = 0);

/// The published procedure: the pre-activations, and 5 conjugate-gradient steps over W and 5 over b, each with a
/// gradient, its all-reduce and its image; and what the line searches do to the pre-activations, with as many exponents
/// as they usually evaluate in hidden layers, 3 a search over W and 15 over b. Local.
LayerCost published_cost(const LayerInStep& step, const MachineRates& rates);

/// The forms that work on a number of ranks. On one, dual and dual_split are the same and only dual is named.
/// On several, dual has every rank compute the same update for itself: only ranks whose arithmetic is `alike`, by their
/// processors' kernels and threads, get the same bits. Local.
std::vector<Form> forms_on(int ranks, bool alike);
/// Of these, those that give the dense layers what a step needs, and may be the cheapest: a form for samples is none
/// where A is of all. Local.
std::vector<Form> candidates_on(const StepShape& shape, bool alike);
/// Whether a form does: where a mean stands for A it needs an A. Local.
bool serves(Form form, const CurvatureNeeds& needs);

/// The form for every map of a network that it fits, and normal for the others. Local.
std::vector<Form> everywhere_it_fits(Form form, const NetworkSpec& spec);

/// Of `candidates` the form of least predicted seconds for every map of a network that it fits; normal where none does.
/// Local: decide on one rank and broadcast, as a tie may end differently elsewhere.
std::vector<Form> choose_forms(const NetworkSpec& spec, const StepShape& step, const MachineRates& rates,
                               const std::vector<Form>& candidates);

}  // namespace sibp
