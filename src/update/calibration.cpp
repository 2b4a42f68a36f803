#include "sibp/update/calibration.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace sibp {
namespace {

/// The least seconds of `work` in a few tries, after one that warms up.
double least_seconds(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  constexpr int tries = 3;
  double least = 1e300;
  for (int k = 0; k <= tries; ++k) {
    const auto start = Clock::now();
    work();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (k > 0) least = std::min(least, seconds);
  }
  return std::max(least, 1e-9);
}

/// A well-conditioned n × n matrix: I in the place of A + λI.
void fill_identity(Device& device, MatrixView a) {
  device.fill(a, 0);
  device.damp(a, 1, 0);
}

}  // namespace

MachineRates calibrate(Device& device, const Communicator& communicator) {
  MachineRates rates;
  const Index largest = MachineRates::sizes.back();
  Matrix a = device.allocate(largest, largest);
  Matrix b = device.allocate(largest, largest);
  Matrix c = device.allocate(largest, largest);
  device.fill(b.view(), Real(0.5));
  communicator.barrier();
  for (std::size_t k = 0; k < MachineRates::sizes.size(); ++k) {
    const Index size = MachineRates::sizes[k];
    const auto n = static_cast<double>(size);
    const MatrixView x = a.reshaped(size, size);
    const MatrixView y = b.reshaped(size, size);
    const MatrixView z = c.reshaped(size, size);
    fill_identity(device, x);
    rates.gemm[k] = 2 * n * n * n / least_seconds([&] { device.gemm(Op::none, Op::transpose, 1, y, y, 0, z); });
    rates.syrk[k] = n * n * n / least_seconds([&] { device.syrk(Op::none, 1, y, 0, z); });
    rates.cholesky[k] = n * n * n / 3 / least_seconds([&] { (void)device.cholesky(x); });  // of I, again and again
    rates.solve[k] = 2 * n * n * n / least_seconds([&] { device.solve_right(x, y); });
  }
  const auto elements = static_cast<double>(a.size());
  rates.memory_bytes = 3 * elements * sizeof(Real) / least_seconds([&] { device.axpy(0, b.view(), c.view()); });
  rates.latency_seconds = least_seconds([&] { communicator.all_reduce_sum(a.reshaped(1, 1)); });
  const auto sum = communicator.make_reducible(device, largest, largest);
  rates.reduce_bytes = elements * sizeof(Real) / least_seconds([&] {
                         sum->start_sum();
                         sum->wait();
                       });
  std::vector<Index> columns;
  for (Index q = 0; q < communicator.size(); ++q)
    columns.push_back(largest * (q + 1) / communicator.size() - largest * q / communicator.size());
  const auto gathered = communicator.make_gatherable(device, a.size());
  rates.gather_bytes = elements * sizeof(Real) / least_seconds([&] {
                         gathered->begin(largest, columns);
                         gathered->start();
                         gathered->wait();
                         gathered->release();
                       });
  rates.shares_memory = gathered->in_shared_memory();
  const auto slot = communicator.make_slot();
  const MatrixView own = b.view().left_cols(columns[static_cast<std::size_t>(communicator.rank())]);
  rates.scatter_bytes = elements * sizeof(Real) / least_seconds([&] {
                          slot->start_reduce_scatter_columns(c.view(), columns, own);
                          slot->wait();
                        });
  communicator.broadcast(std::span(&rates.gemm[0], rates.gemm.size()));
  communicator.broadcast(std::span(&rates.syrk[0], rates.syrk.size()));
  communicator.broadcast(std::span(&rates.cholesky[0], rates.cholesky.size()));
  communicator.broadcast(std::span(&rates.solve[0], rates.solve.size()));
  for (double* value :
       {&rates.memory_bytes, &rates.latency_seconds, &rates.reduce_bytes, &rates.gather_bytes, &rates.scatter_bytes})
    communicator.broadcast(std::span(value, 1));
  return rates;
}

}  // namespace sibp
