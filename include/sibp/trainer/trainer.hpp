#pragma once

#include "sibp/trainer/local_data.hpp"
#include "sibp/trainer/metrics.hpp"
#include "sibp/trainer/training_options.hpp"
#include "sibp/trainer/workspace.hpp"
#include "sibp/update/update_rule.hpp"

namespace sibp {

/// Updates of a whole run: `steps`, or the batches of `epochs` passes over the training set.
Index total_steps(const TrainingOptions& options, Index batches_per_epoch);
/// The same, but no more than there are batches in the order.
Index total_steps(const TrainingOptions& options, const SampleOrder& order);

/// Samples that the workspace of a rank must hold: its part of the largest batch, and enough that evaluation is not
/// slow.
Index workspace_capacity(Index largest_local_batch);

/// Trains `network` on `data` as `options` say, evaluating on the way and, over all three sets, at the end; the last
/// record is that final evaluation and is returned. `observer` is called on rank 0 and may be null elsewhere.
/// Collective. Throws AgreedError: diverged if a loss is not finite or a factorisation failed, usage if the warm-up is
/// longer than the run.
MetricsRecord train(const UpdateContext& context, UpdateRule& rule, Network& network, const TrainingData& data,
                    const TrainingOptions& options, double eta, TrainingObserver* observer);

}  // namespace sibp
