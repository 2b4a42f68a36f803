#include "update/shares.hpp"

#include <cmath>

namespace sibp {

std::vector<Share> even_shares(Index n, int ranks) {
  std::vector<Share> shares;
  shares.reserve(static_cast<std::size_t>(ranks));
  for (Index q = 0; q < ranks; ++q) shares.push_back({n * q / ranks, n * (q + 1) / ranks - n * q / ranks});
  return shares;
}

Share share_of_triangle(Index n, int rank, std::span<Index> counts) {
  Share mine;
  Index first = 0;
  for (std::size_t q = 0; q < counts.size(); ++q) {
    // The triangle below column c has (1 − c / n)² of the elements.
    const double beyond = 1 - static_cast<double>(q + 1) / static_cast<double>(counts.size());
    const auto end = static_cast<Index>(std::lround(static_cast<double>(n) * (1 - std::sqrt(beyond))));
    counts[q] = end - first;
    if (static_cast<int>(q) == rank) mine = {first, end - first};
    first = end;
  }
  return mine;
}

}  // namespace sibp
