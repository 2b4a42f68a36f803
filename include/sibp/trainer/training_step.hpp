#pragma once

#include "sibp/trainer/workspace.hpp"
#include "sibp/update/update_rule.hpp"

#include <functional>

namespace sibp {

/// Which step of a run, from 1, for messages.
struct StepPlace {
  Index step = 1;
  Index epoch = 1;
};

/// What ranks ask for between steps. What one of them asks for, all do: it travels with the sum of the losses.
struct Wishes {
  bool stop = false;        ///< after this step, with a checkpoint
  bool checkpoint = false;  ///< after this step
  bool end = false;         ///< some rank cannot go on, and says why
};

struct StepResult {
  LossSums sums;  ///< over all ranks' samples, before the update
  Wishes wishes;  ///< of any rank
};

/// Throws AgreedError (diverged): the loss is not finite. For all ranks to call alike.
[[noreturn]] void throw_diverged(const StepPlace& place);

/// One step of training on the batch in `workspace` (inputs and labels), of `global_batch` samples over all ranks:
/// algorithm of Liu and Zhang, arXiv 2002.03516, section 3. Updates the weights of `network`. Collective.
///
/// Throws AgreedError (diverged) on every rank if the loss is not finite or a factorisation failed anywhere; `place`
/// goes into the message. `wishes` are asked for late in the step, on every rank for itself; null: none. The
/// semi-implicit update and gradient descent allocate nothing.
StepResult training_step(const UpdateContext& context, UpdateRule& rule, Network& network, Workspace& workspace,
                         Index global_batch, double eta, const StepPlace& place,
                         const std::function<Wishes()>& wishes = nullptr);

}  // namespace sibp
