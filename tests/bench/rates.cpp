// What a machine does in a second, as a calibration measures it: of several calibrations the best of each rate, since
// other work can only slow them. Prints JSON. nominal_rates() has such figures.
//
//   mpirun -np P bench_rates CALIBRATIONS [SUMS]

#include "sibp/comm/environment.hpp"
#include "sibp/update/calibration.hpp"

#include "bench/trainee.hpp"

#include <cstdio>
#include <exception>

#include <fmt/ranges.h>

namespace sibp {
namespace {

void keep_best(double& best, double value) {
  best = std::max(best, value);
}
void keep_best(RateBySize& best, const RateBySize& values) {
  for (std::size_t k = 0; k < best.size(); ++k) keep_best(best[k], values[k]);
}

void measure(const Communicator& world, int calibrations) {
  const auto device = make_cpu_device(1);
  MachineRates best = calibrate(*device, world);
  for (int k = 1; k < calibrations; ++k) {
    const MachineRates rates = calibrate(*device, world);
    keep_best(best.gemm, rates.gemm);
    keep_best(best.syrk, rates.syrk);
    keep_best(best.cholesky, rates.cholesky);
    keep_best(best.solve, rates.solve);
    keep_best(best.memory_bytes, rates.memory_bytes);
    keep_best(best.reduce_bytes, rates.reduce_bytes);
    keep_best(best.gather_bytes, rates.gather_bytes);
    keep_best(best.scatter_bytes, rates.scatter_bytes);
    best.latency_seconds = std::min(best.latency_seconds, rates.latency_seconds);
  }
  if (!world.is_root()) return;
  fmt::print(
      "{{\"ranks\": {}, \"sizes\": {}, \"gemm\": {}, \"syrk\": {}, \"cholesky\": {}, \"solve\": {}, "
      "\"memory_bytes\": {}, \"latency_seconds\": {}, \"reduce_bytes\": {}, \"gather_bytes\": {}, "
      "\"scatter_bytes\": {}, \"shares_memory\": {}}}\n",
      world.size(), MachineRates::sizes, best.gemm, best.syrk, best.cholesky, best.solve, best.memory_bytes,
      best.latency_seconds, best.reduce_bytes, best.gather_bytes, best.scatter_bytes, best.shares_memory);
}

}  // namespace
}  // namespace sibp

int main(int argc, char** argv) {
  sibp::MpiEnvironment environment(argc, argv);
  if (argc < 2 || argc > 3) {
    std::fputs("usage: mpirun -np P bench_rates CALIBRATIONS [SUMS]\n", stderr);
    sibp::MpiEnvironment::abort(2);
  }
  try {
    sibp::SumOptions sums;
    if (argc > 2)
      sums.sums = sibp::bench::named(argv[2], {sibp::Sums::automatic, sibp::Sums::shared, sibp::Sums::library});
    sibp::measure(sibp::make_mpi_communicator(sums), std::stoi(argv[1]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_rates: error: %s\n", error.what());
    sibp::MpiEnvironment::abort(1);
  }
  environment.finish();
}
