#pragma once

#include "sibp/core/types.hpp"

#include <span>
#include <vector>

namespace sibp {

/// Some neighbouring rows or columns of a matrix, which are one rank's to compute.
struct Share {
  Index first = 0;
  Index count = 0;

  [[nodiscard]] Index end() const { return first + count; }
};

/// n lines dealt to so many ranks, as evenly as whole lines go. Local.
std::vector<Share> even_shares(Index n, int ranks);

/// The columns of an n × n lower triangle that are rank `rank`'s when counts.size() ranks have about the same number of
/// its elements: the first columns are the longest. counts[q] ← the number of rank q's. Local.
Share share_of_triangle(Index n, int rank, std::span<Index> counts);

}  // namespace sibp
