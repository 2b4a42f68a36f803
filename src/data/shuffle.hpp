#pragma once

#include "sibp/core/types.hpp"

#include <random>
#include <span>
#include <utility>

#include <boost/random/uniform_int_distribution.hpp>

namespace sibp {

/// Fisher and Yates: swaps a random choice of `values`, in random order, to the first `count` places. All of them: a
/// permutation, each equally likely. std::shuffle is not used because its result differs between implementations.
inline void shuffle_first(std::span<Index> values, Index count, std::mt19937_64& random) {
  const auto size = static_cast<Index>(values.size());
  for (Index i = 0; i < count; ++i) {
    const Index j = boost::random::uniform_int_distribution<Index>(i, size - 1)(random);
    std::swap(values[static_cast<std::size_t>(i)], values[static_cast<std::size_t>(j)]);
  }
}

}  // namespace sibp
