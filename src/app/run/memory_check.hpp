#pragma once

#include "sibp/model/network_spec.hpp"
#include "sibp/trainer/training_options.hpp"

#include "app/run/session.hpp"

namespace sibp {

/// Checks, before anything is read, that the device of every rank has room for the training, and reserves that room
/// when samples are loaded. `options` have the chosen forms. Collective. Throws AgreedError (usage) naming the batch
/// that would fit. Does nothing where a device does not know its memory.
void check_memory(const TrainingOptions& options, const NetworkSpec& spec, const Compute& compute);

}  // namespace sibp
