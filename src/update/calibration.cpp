#include "sibp/update/calibration.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace sibp {
namespace {

/// The least seconds of `work` in a few tries, after one that warms up.
double least_seconds(Device& device, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  constexpr int tries = 3;
  double least = 1e300;
  for (int k = 0; k <= tries; ++k) {
    const auto start = Clock::now();
    work();
    device.synchronise();
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

/// The rates at the k-th size.
void measure_size(Device& device, MachineRates& rates, std::size_t k) {
  const Index size = MachineRates::sizes[k];
  const auto n = static_cast<double>(size);
  Matrix a = device.allocate(size, size);
  Matrix b = device.allocate(size, size);
  Matrix c = device.allocate(size, size);
  const MatrixView x = a.view();
  const MatrixView y = b.view();
  const MatrixView z = c.view();
  device.fill(y, Real(0.5));
  fill_identity(device, x);
  const auto seconds = [&](const auto& work) { return least_seconds(device, work); };
  rates.gemm[k] = 2 * n * n * n / seconds([&] { device.gemm(Op::none, Op::transpose, 1, y, y, 0, z); });
  rates.syrk[k] = n * n * n / seconds([&] { device.syrk(Op::none, 1, y, 0, z); });
  rates.cholesky[k] = n * n * n / 3 / seconds([&] { (void)device.cholesky(x); });  // of I, again and again
  rates.solve[k] = 2 * n * n * n / seconds([&] { device.solve_right(x, y); });
}

/// Whether a device is so fast that the largest size, which takes seconds elsewhere, takes no time.
bool measures_largest(const MachineRates& rates) {
  constexpr double most_seconds = 0.02;
  const auto n = static_cast<double>(MachineRates::sizes.back());
  return 2 * n * n * n < most_seconds * rates.gemm[MachineRates::sizes.size() - 2];
}

}  // namespace

MachineRates calibrate(Device& device, const Communicator& communicator) {
  MachineRates rates;
  communicator.barrier();
  const std::size_t largest_size = MachineRates::sizes.size() - 1;
  for (std::size_t k = 0; k < largest_size; ++k) measure_size(device, rates, k);
  if (measures_largest(rates)) {
    measure_size(device, rates, largest_size);
  } else {
    for (RateBySize* rate : {&rates.gemm, &rates.syrk, &rates.cholesky, &rates.solve})
      rate->back() = (*rate)[largest_size - 1];
  }
  const Index largest = MachineRates::sizes[largest_size - 1];
  Matrix a = device.allocate(largest, largest);
  Matrix b = device.allocate(largest, largest);
  Matrix c = device.allocate(largest, largest);
  const auto elements = static_cast<double>(a.size());
  rates.memory_bytes = 3 * elements * sizeof(Real) / least_seconds(device, [&] { device.axpy(0, b.view(), c.view()); });
  rates.latency_seconds = least_seconds(device, [&] { communicator.all_reduce_sum(a.reshaped(1, 1)); });
  const auto sum = communicator.make_all_reduce(device, largest, largest);
  rates.reduce_bytes = elements * sizeof(Real) / least_seconds(device, [&] {
                         sum->start();
                         sum->wait();
                       });
  std::vector<Index> columns;
  columns.reserve(static_cast<std::size_t>(communicator.size()));
  for (Index q = 0; q < communicator.size(); ++q)
    columns.push_back(largest * (q + 1) / communicator.size() - largest * q / communicator.size());
  const auto gathered = communicator.make_all_gather(device, a.size());
  rates.gather_bytes = elements * sizeof(Real) / least_seconds(device, [&] {
                         gathered->begin(largest, columns);
                         gathered->start();
                         gathered->wait();
                         gathered->release();
                       });
  rates.shares_memory = gathered->in_shared_memory();
  rates.scatter_bytes = rates.gather_bytes;
  if (communicator.size() > 1) {  // one rank alone has no other part to add
    const auto slot = communicator.make_slot();
    const MatrixView own = b.view().left_cols(columns[static_cast<std::size_t>(communicator.rank())]);
    rates.scatter_bytes = elements * sizeof(Real) / least_seconds(device, [&] {
                            slot->start_reduce_scatter_columns(c.view(), columns, own);
                            slot->wait();
                          });
  }
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
