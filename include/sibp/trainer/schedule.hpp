#pragma once

#include "sibp/trainer/training_options.hpp"

namespace sibp {

/// The default step size, min(1, 4 / L): the softmax Hessian in the logits is at most ½, so a step in them descends for
/// η < 4, and L layers move at once.
double default_eta(Index layers);

/// η of update `step` (from 0) of `steps`: a linear rise over the warm-up, then the schedule over what is left of the
/// run.
double eta_at(const TrainingOptions& options, double eta, Index step, Index steps);

}  // namespace sibp
