#pragma once

#include "sibp/layer/workspace.hpp"
#include "sibp/trainer/local_data.hpp"
#include "sibp/trainer/metrics.hpp"
#include "sibp/trainer/training_control.hpp"
#include "sibp/trainer/training_options.hpp"
#include "sibp/update/update_rule.hpp"

namespace sibp {

/// Updates of a whole run: `steps`, or the batches of `epochs` passes over the training set.
Index total_steps(const TrainingOptions& options, Index batches_per_epoch);
/// The same, but no more than there are batches in the order.
Index total_steps(const TrainingOptions& options, const SampleOrder& order);

/// Throws AgreedError (usage) if the warm-up is longer than a run of so many steps. Local.
void check_warmup(const TrainingOptions& options, Index steps);

/// Samples that the workspace of a rank must hold: its part of the largest batch, and enough that evaluation is not
/// slow: products of fewer than 256 columns are, and a convolution has many for each sample.
Index workspace_capacity(const NetworkSpec& spec, Index largest_local_batch);

/// What became of a training.
struct TrainingResult {
  bool stopped = false;  ///< before its end, on request; a checkpoint is written
  Index step = 0;        ///< updates done
  MetricsRecord last{};  ///< the final evaluation over the whole sets, unless stopped
  Best best{};           ///< of the whole run, by TrainingControl::keep_best
};

/// Trains `network` on `data` as `options` say, evaluating on the way and, over all three sets, at the end. `control`
/// says where it starts, with `network` and `rule` in the state of that step, and looks after checkpoints, stops and
/// equal replicas. A step follows from the state and the options alone, so that a training that goes on from a
/// checkpoint gives the same bits as one that never stopped, on the same number of ranks.
///
/// A stop is agreed on with the sum of a step's losses, or of an evaluation, which is then made when the training goes
/// on. `observer` is called on rank 0 and may be null elsewhere. Collective. Throws AgreedError: diverged if a loss or
/// weights to be saved are not finite, a factorisation failed, or the loss stays far above its first value
/// (Divergence), usage if the warm-up is longer than the run or the start is behind its end, disagree if replicas
/// differ, runtime if the first or the last checkpoint cannot be written.
TrainingResult train(const UpdateContext& context, UpdateRule& rule, Network& network, const TrainingData& data,
                     const TrainingOptions& options, double eta, TrainingObserver* observer,
                     const TrainingControl& control = {});

}  // namespace sibp
