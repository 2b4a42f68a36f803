#pragma once

#include "sibp/trainer/training_options.hpp"

namespace sibp {

/// The step size of update `step` (from 0) of `steps`: a linear rise over the warm-up, then the schedule over what is
/// left of the run.
double eta_at(const TrainingOptions& options, double eta, Index step, Index steps);

}  // namespace sibp
