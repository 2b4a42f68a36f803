#include "sibp/layer/linear_map.hpp"

#include "sibp/core/error.hpp"

namespace sibp {

WholeMatrices& whole_matrices(LinearMap& map) {
  WholeMatrices* const matrices = map.whole_matrices();
  require(matrices != nullptr, "the patches of a convolution are not in memory as a whole");
  return *matrices;
}

}  // namespace sibp
