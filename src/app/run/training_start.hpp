#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/app/run/resume.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/model/network.hpp"
#include "sibp/trainer/trainer.hpp"

#include "app/run/session.hpp"

namespace sibp {

/// The start of the training: drawn on rank 0, or read there from a file or a checkpoint, and sent to all, so that
/// replicas are equal bit for bit.
Network initial_network(const Options& options, const NetworkSpec& spec, const Compute& compute,
                        const Resumption& from);

/// What a checkpoint says of its run, and is compared with when that goes on. Collective.
RunFacts facts_of(const Options& options, const TrainingData& data, const Compute& compute, const Communicator& world);

/// Sees that the data are those of the checkpoint. Collective.
void check_same_data(const Resumption& from, const RunFacts& now, const TrainingData& data, const Communicator& world);

/// On rank 0: what may make the last bits others than those of a run that never stopped.
void warn_of_changes(const Resumption& from, const RunFacts& now, bool reproducible);

/// The state that the training starts in, on all ranks. Sets the method's own. Collective.
TrainingState start_of(const Resumption& from, const UpdateContext& context, UpdateRule& rule);

}  // namespace sibp
