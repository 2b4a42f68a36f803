#include "update/triangle_shares.hpp"

#include <cmath>

namespace sibp {

TriangleShare share_of_triangle(Index n, int rank, std::span<Index> columns_per_rank) {
  TriangleShare mine;
  Index first = 0;
  for (std::size_t q = 0; q < columns_per_rank.size(); ++q) {
    // The triangle below column c has (1 − c / n)² of the elements.
    const double beyond = 1 - static_cast<double>(q + 1) / static_cast<double>(columns_per_rank.size());
    const auto end = static_cast<Index>(std::lround(static_cast<double>(n) * (1 - std::sqrt(beyond))));
    columns_per_rank[q] = end - first;
    if (static_cast<int>(q) == rank) mine = {first, end - first};
    first = end;
  }
  return mine;
}

}  // namespace sibp
