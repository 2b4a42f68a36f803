#pragma once

#include <cstdint>

namespace sibp {

/// Element type of every matrix: float in the product, double in the build that the tests use as an oracle.
using Real = SIBP_REAL;

/// Sizes, counts and indices of samples, rows and columns.
using Index = std::int64_t;

}  // namespace sibp
