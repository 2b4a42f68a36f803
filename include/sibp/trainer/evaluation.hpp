#pragma once

#include "sibp/trainer/local_data.hpp"
#include "sibp/trainer/metrics.hpp"
#include "sibp/trainer/workspace.hpp"

#include <functional>
#include <optional>

namespace sibp {

/// D_L from the outputs in `workspace`; the loss joins the sums of Device::take_loss_sums(). Local.
void output_loss(Device& device, Loss loss, Workspace& workspace, std::size_t layers);

/// Carries this rank's samples of `split` through the network, workspace.capacity() at a time, and calls
/// `visit(first, count)` with the outputs in `workspace`, until it returns false; `first` counts in
/// Sharding::local_samples(). Local.
void for_each_chunk(Device& device, const Network& network, const LocalSplit& split,
                    const DeviceNormalisation& normalisation, Workspace& workspace,
                    const std::function<bool(Index first, Index count)>& visit);

/// Loss and accuracy over all ranks' samples of `split`; nothing if `stop_requested`, asked now and then on every rank
/// for itself, is true anywhere. Collective.
std::optional<LossAndAccuracy> evaluate(Device& device, const Communicator& communicator, const Network& network,
                                        const LocalSplit& split, const DeviceNormalisation& normalisation,
                                        Workspace& workspace, const std::function<bool()>& stop_requested = nullptr);

}  // namespace sibp
