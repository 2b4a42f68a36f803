#pragma once

#include "sibp/layer/workspace.hpp"
#include "sibp/trainer/local_data.hpp"
#include "sibp/trainer/metrics.hpp"

#include <functional>
#include <optional>

namespace sibp {

/// D_L from the outputs in `workspace`; the loss joins the sums of NetworkOperations::take_loss_sums(). Local.
void output_loss(Device& device, Workspace& workspace, double smoothing = 0);

/// Carries this rank's samples of `split` through the network, workspace.capacity() at a time, and calls
/// `visit(first, count)` with the outputs in `workspace`, until it returns false; `first` counts in
/// Sharding::local_samples(). Local.
void for_each_chunk(Device& device, const LocalSplit& split, const DeviceNormalisation& normalisation,
                    Workspace& workspace, const std::function<bool(Index first, Index count)>& visit);

/// Loss and accuracy over all ranks' samples of `split`; nothing if `stop_requested`, asked now and then on every rank
/// for itself, is true anywhere. Collective.
std::optional<LossAndAccuracy> evaluate(Device& device, const Communicator& communicator, const LocalSplit& split,
                                        const DeviceNormalisation& normalisation, Workspace& workspace,
                                        const std::function<bool()>& stop_requested = nullptr);

}  // namespace sibp
