#pragma once

#include "sibp/core/types.hpp"

/// Loops over elements that the compiler may take several at a time; private to the CPU device.
namespace sibp::cpu {

/// work(k) for k < size. No call may need what another has written; where results lie may be where operands lie,
/// element by element, which the compiler could not know.
template <class Work>
inline void for_each_index(Index size, const Work& work) {
#pragma omp simd
  for (Index k = 0; k < size; ++k) work(k);
}

/// work(r, c) for every element of a rows × cols matrix, column by column, under the same condition.
template <class Work>
inline void for_each_element(Index rows, Index cols, const Work& work) {
  for (Index c = 0; c < cols; ++c) for_each_index(rows, [&work, c](Index r) { work(r, c); });
}

}  // namespace sibp::cpu
