#pragma once

#include "sibp/layer/workspace.hpp"
#include "sibp/update/update_rule.hpp"

#include <functional>

namespace sibp {

/// Which step of a run, from 1, for messages.
struct StepPlace {
  Index step = 1;
  Index epoch = 1;
};

/// What a rank asks of all ranks after a step. It travels with the sum of the losses.
struct StepRequests {
  bool stop = false;        ///< after this step, with a checkpoint
  bool checkpoint = false;  ///< after this step
  bool end = false;         ///< this rank cannot go on, and says why
  bool complete = false;    ///< this rank's blocks of a checkpoint are written: done once all ranks ask for it
};

struct StepResult {
  LossSums sums;          ///< over all ranks' samples, before the update
  StepRequests requests;  ///< each is set if any rank asks for it; `complete` if all do
};

/// Throws AgreedError (diverged): the loss is not finite. For all ranks to call alike.
[[noreturn]] void throw_diverged(const StepPlace& place);

/// Throws AgreedError (diverged): the loss is finite, but beyond the limit of Divergence. For all ranks to call alike.
[[noreturn]] void throw_far_off(const StepPlace& place, double loss, double limit);

/// One step of training on the batch in `workspace` (inputs and labels): algorithm of Liu and Zhang, arXiv 2002.03516,
/// section 3, layer by layer. Updates the network of the workspace. `smoothing` is of the labels. Collective.
///
/// Throws AgreedError (diverged) on every rank if the loss is not finite or a factorisation failed anywhere; `place`
/// goes into the message. `requests` is called late in the step, on each rank; null: none. The
/// semi-implicit update and gradient descent allocate nothing.
StepResult training_step(const UpdateContext& context, UpdateRule& rule, Workspace& workspace, const StepSize& size,
                         const StepPlace& place, const std::function<StepRequests()>& requests = nullptr,
                         double smoothing = 0);

}  // namespace sibp
