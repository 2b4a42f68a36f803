#pragma once

#include "sibp/trainer/metrics.hpp"

#include <string_view>

namespace sibp {

/// What a checkpoint can be the best by.
enum class Measure { none, validation_accuracy, validation_loss };

std::string_view name_of(Measure measure);

/// The best value of a run so far, and the updates that the weights with it have had.
struct Best {
  Measure measure = Measure::none;
  Index step = -1;  ///< −1: nothing was measured yet
  double value = 0;

  friend bool operator==(const Best&, const Best&) = default;
};

/// Takes a value that was measured after `step`. Returns whether it is better than the best so far, which it then is;
/// of equal ones the first counts, and a value of another measure begins anew. Local.
bool improve(Best& best, Measure measure, Index step, const LossAndAccuracy& validation);

}  // namespace sibp
