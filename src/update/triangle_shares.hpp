#pragma once

#include "sibp/core/types.hpp"

#include <span>

namespace sibp {

/// Some neighbouring columns of a triangle.
struct TriangleShare {
  Index first = 0;
  Index columns = 0;

  [[nodiscard]] Index end() const { return first + columns; }
};

/// The columns of an n × n lower triangle that are rank `rank`'s when columns_per_rank.size() ranks have about the same
/// number of its elements: the first columns are the longest. columns_per_rank[q] ← the number of rank q's. Local.
TriangleShare share_of_triangle(Index n, int rank, std::span<Index> columns_per_rank);

}  // namespace sibp
