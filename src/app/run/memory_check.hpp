#pragma once

#include "sibp/model/network_spec.hpp"
#include "sibp/trainer/training_options.hpp"

#include "app/run/session.hpp"

namespace sibp {

/// Makes sure, before anything is read, that the device of every rank has room for the training, and bids it leave as
/// much free when it takes samples in. `options` have the forms that were chosen. Collective. Throws AgreedError
/// (usage) naming the batch that would fit. Nothing happens where a device does not know its memory.
void check_memory(const TrainingOptions& options, const NetworkSpec& spec, const Compute& compute);

}  // namespace sibp
