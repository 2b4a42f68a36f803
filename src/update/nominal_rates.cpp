#include "sibp/update/nominal_rates.hpp"

#include "sibp/update/step_prediction.hpp"

#include <algorithm>
#include <cmath>

namespace sibp {
namespace {

/// Bytes of a large matrix a second, and seconds of an all-reduce of one element between two ranks.
struct Exchange {
  double latency_seconds;
  double reduce_bytes;
  double gather_bytes;
  double scatter_bytes;
};

// Figures of processors are those of bench_rates (tests/bench), the best of many calibrations with other work beside
// them, rounded: ranks of one thread on a server processor with AVX-512, OpenBLAS in float32, Open MPI on one node.

const MachineRates one_thread{.gemm = {170e9, 165e9, 190e9, 210e9, 220e9},
                              .syrk = {35e9, 120e9, 170e9, 190e9, 200e9},
                              .cholesky = {10e9, 35e9, 90e9, 130e9, 160e9},
                              .solve = {17e9, 50e9, 90e9, 130e9, 160e9},
                              .memory_bytes = 40e9};
/// Gathered matrices lie where all ranks see them: that is no transfer. Reduce-scatters go by the library.
constexpr Exchange in_shared_memory{1.2e-6, 6e9, 200e9, 4e9};
constexpr Exchange by_library{1.3e-6, 2e9, 10e9, 4e9};

// Figures of GPUs are estimates, measured on none: 60 TFLOP/s in float32 and 3 TB/s, starts of some microseconds, and
// direct links between the GPUs of a node.

const MachineRates one_gpu{.gemm = {15e9, 700e9, 15e12, 35e12, 45e12},
                           .syrk = {15e9, 350e9, 8e12, 25e12, 40e12},
                           .cholesky = {0.4e9, 10e9, 150e9, 700e9, 5e12},
                           .solve = {5e9, 100e9, 2.5e12, 8e12, 25e12},
                           .memory_bytes = 2.5e12};
constexpr Exchange between_gpus{15e-6, 100e9, 200e9, 200e9};

/// Links of 100 Gbit/s, and what a message over them takes.
constexpr Interconnect between_nodes{2e-6, 12.5e9};
constexpr Interconnect between_nodes_of_gpus{10e-6, 12.5e9};

/// A thread has to have some rows to be of use.
void spread_over_threads(MachineRates& rates, int threads) {
  constexpr double rows_of_thread = 64;
  for (RateBySize* rate : {&rates.gemm, &rates.syrk, &rates.cholesky, &rates.solve}) {
    for (std::size_t k = 0; k < rate->size(); ++k) {
      const double useful = static_cast<double>(MachineRates::sizes[k]) / rows_of_thread;
      (*rate)[k] *= std::max(1.0, std::min(useful, static_cast<double>(threads)));
    }
  }
}

}  // namespace

MachineRates nominal_rates(const MachineKind& kind) {
  MachineRates rates = kind.has_gpus ? one_gpu : one_thread;
  if (!kind.has_gpus) spread_over_threads(rates, kind.threads);
  if (kind.several_nodes) return rates_on(rates, kind.has_gpus ? between_nodes_of_gpus : between_nodes, kind.ranks);
  const Exchange& exchange = kind.has_gpus ? between_gpus : kind.shares_memory ? in_shared_memory : by_library;
  rates.latency_seconds = exchange.latency_seconds * std::max(1.0, std::ceil(std::log2(kind.ranks)));
  rates.reduce_bytes = exchange.reduce_bytes;
  rates.gather_bytes = exchange.gather_bytes;
  rates.scatter_bytes = exchange.scatter_bytes;
  rates.shares_memory = kind.shares_memory;
  return rates;
}

}  // namespace sibp
