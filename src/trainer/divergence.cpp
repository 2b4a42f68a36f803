#include "sibp/trainer/divergence.hpp"

namespace sibp {

bool Divergence::add(double loss) {
  if (steps++ == 0) first_loss = loss;
  steps_beyond = is_beyond(loss) ? steps_beyond + 1 : 0;
  return steps_beyond >= patience;
}

}  // namespace sibp
