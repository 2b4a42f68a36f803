#pragma once

#include "sibp/core/types.hpp"

#include <string_view>

namespace sibp {

/// How matrices are summed over the ranks of several processes on a node.
enum class Sums {
  automatic,  ///< shared where a node has several ranks and room, library otherwise
  measured,   ///< whichever of the two a trial shows faster
  shared,     ///< through memory that the ranks of a node share, and over nodes by the library
  library,    ///< by the library's collectives alone
  exact,      ///< without rounding of sums over samples, so that any number of ranks gives the same bits
};

/// "auto", "measure", "shared", "library" or "exact".
constexpr std::string_view name_of(Sums sums) {
  switch (sums) {
    case Sums::automatic:
      return "auto";
    case Sums::measured:
      return "measure";
    case Sums::shared:
      return "shared";
    case Sums::library:
      return "library";
    case Sums::exact:
      return "exact";
  }
  return "";
}

/// What the elements of matrices travel as when they are summed over ranks or gathered from them. In both, sums are
/// made in float32. Memory that ranks share is no wire: what goes through it is never rounded.
enum class Wire {
  float32,   ///< Real as it is
  bfloat16,  ///< rounded to 8 significant bits, to nearest and ties to even: half the bytes
};

/// "float32" or "bfloat16".
constexpr std::string_view name_of(Wire wire) {
  switch (wire) {
    case Wire::float32:
      return "float32";
    case Wire::bfloat16:
      return "bfloat16";
  }
  return "";
}

struct SumOptions {
  Sums sums = Sums::automatic;
  Wire wire = Wire::float32;
  Index most_samples = 0;  ///< with Sums::exact: of a batch over all ranks
};

}  // namespace sibp
