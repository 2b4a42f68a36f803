#include "sibp/comm/communicator.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace sibp {
namespace {

/// Each term ← the nearest multiple of a power of two of which `samples` terms add up without rounding.
void round_to_common_grid(const Communicator& communicator, std::span<double> of_samples, std::uint64_t samples,
                          std::size_t count) {
  std::vector<double> largest(count, 0.0);
  for (std::size_t k = 0; k < of_samples.size(); ++k)
    largest[k % count] = std::max(largest[k % count], std::abs(of_samples[k]));
  communicator.all_reduce_max(std::span<double>(largest));
  const int bits = 52 - static_cast<int>(std::bit_width(samples));
  for (std::size_t k = 0; k < of_samples.size(); ++k) {
    const double most = largest[k % count];
    if (most == 0 || !std::isfinite(most)) continue;
    const double grid = std::ldexp(1.0, std::ilogb(most) + 1 - bits);
    of_samples[k] = std::nearbyint(of_samples[k] / grid) * grid;
  }
}

}  // namespace

std::string Communicator::broadcast(std::string text, int root) const {
  auto length = static_cast<std::int64_t>(text.size());
  broadcast(std::span(&length, 1), root);
  text.resize(static_cast<std::size_t>(length));
  broadcast(std::span(text), root);
  return text;
}

void Communicator::all_reduce_sum(MatrixView matrix) const {
  const auto slot = make_slot();
  slot->start_all_reduce_sum(matrix);
  slot->wait();
}

void Communicator::broadcast(MatrixView matrix, int root) const {
  require(matrix.contiguous(), "only a matrix without gaps can be broadcast");
  backend_->broadcast_matrix(matrix, root);
}

void sum_over_samples(const Communicator& communicator, std::span<double> of_samples, Index samples,
                      std::span<double> totals) {
  if (communicator.sums() == Sums::exact)
    round_to_common_grid(communicator, of_samples, static_cast<std::uint64_t>(samples), totals.size());
  std::ranges::fill(totals, 0.0);
  for (std::size_t k = 0; k < of_samples.size(); ++k) totals[k % totals.size()] += of_samples[k];
  communicator.all_reduce_sum(totals);
}

}  // namespace sibp
