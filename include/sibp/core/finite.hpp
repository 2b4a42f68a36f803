#pragma once

#include "sibp/core/types.hpp"

#include <cmath>
#include <span>

namespace sibp {

/// Whether no value is an infinity or not a number. Local.
inline bool all_finite(std::span<const Real> values) {
  bool finite = true;  // without an early end the compiler takes several values at a time
  for (const Real value : values) finite &= std::isfinite(value);
  return finite;
}

}  // namespace sibp
