#pragma once

#include <benchmark/benchmark.h>

namespace sibp::bench {

/// Shows operations a second where one iteration does so many.
inline void count_flops(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

/// Shows bytes a second where one iteration reads and writes so many.
inline void count_bytes(benchmark::State& state, double bytes) {
  state.counters["B/s"] =
      benchmark::Counter(bytes, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

}  // namespace sibp::bench
