#pragma once

#include "sibp/layer/workspace.hpp"
#include "sibp/trainer/local_data.hpp"
#include "sibp/trainer/metrics.hpp"

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace sibp {

/// D_L from the outputs in `workspace`; the loss joins the sums of NetworkOperations::take_loss_sums(). Local.
void output_loss(Device& device, Workspace& workspace, double smoothing = 0);

/// Carries this rank's samples of `split` through the network, workspace.capacity() at a time, and calls
/// `visit(first, count)` with the outputs in `workspace`, until it returns false; `first` counts in
/// Sharding::local_samples(). `view` is how the pictures are changed. Local.
void for_each_chunk(Device& device, const LocalSplit& split, const DeviceNormalisation& normalisation,
                    Workspace& workspace, const std::function<bool(Index first, Index count)>& visit,
                    const PictureChange& view = {});

/// Loss and accuracy over all ranks' samples of `split`; nothing if `stop_requested`, asked now and then on every rank
/// for itself, is true anywhere. Collective.
std::optional<LossAndAccuracy> evaluate(Device& device, const Communicator& communicator, const LocalSplit& split,
                                        const DeviceNormalisation& normalisation, Workspace& workspace,
                                        const std::function<bool()>& stop_requested = nullptr);

/// The pictures that a network is shown for one sample.
enum class Views {
  none,            ///< the picture alone
  flip,            ///< and its mirror image
  flip_translate,  ///< both, and both shifted by a pixel up and left, and down and right: six in all
};

/// "none", "flip" or "flip+translate".
std::string_view name_of(Views views);
std::vector<PictureChange> changes_of(Views views);
/// Whether a picture of this shape has these views: it has a left and a right, and is larger than a shift.
bool has_views(const TensorShape& shape, Views views);

/// Accuracy over all ranks' samples of `split`, of the class with the largest mean over `views` of the probabilities
/// softmax(F_L). Collective.
double accuracy_with_views(Device& device, const Communicator& communicator, const LocalSplit& split,
                           const DeviceNormalisation& normalisation, Workspace& workspace, Views views);

}  // namespace sibp
