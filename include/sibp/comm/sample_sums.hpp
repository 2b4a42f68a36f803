#pragma once

#include "sibp/comm/communicator.hpp"

#include <span>

namespace sibp {

/// totals[k] ← Σ of_samples[k + j · totals.size()] over this rank's samples j and over all ranks, in double. Where the
/// communicator's sums are exact, the terms are first rounded to multiples of a power of two, so coarse that no sum is
/// rounded: the totals are then the same bits for any order and any number of ranks. `samples` are those of all ranks.
/// Collective.
void sum_over_samples(const Communicator& communicator, std::span<double> of_samples, Index samples,
                      std::span<double> totals);

}  // namespace sibp
