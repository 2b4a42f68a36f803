#pragma once

#include "sibp/trainer/workspace.hpp"
#include "sibp/update/update_rule.hpp"

namespace sibp {

/// Which step of a run, from 1, for messages.
struct StepPlace {
  Index step = 1;
  Index epoch = 1;
};

/// Throws AgreedError (diverged): the loss is not finite. For all ranks to call alike.
[[noreturn]] void throw_diverged(const StepPlace& place);

/// One step of training on the batch in `workspace` (inputs and labels), of `global_batch` samples over all ranks:
/// algorithm of Liu and Zhang, arXiv 2002.03516, section 3. Updates the weights of `network`. Collective.
///
/// Returns the sums of the loss over all ranks' samples, before the update. Throws AgreedError (diverged) on every rank
/// if that loss is not finite or a factorisation failed anywhere; `place` goes into the message. The semi-implicit
/// update and gradient descent allocate nothing.
LossSums training_step(const UpdateContext& context, UpdateRule& rule, Network& network, Workspace& workspace,
                       Index global_batch, double eta, const StepPlace& place);

}  // namespace sibp
