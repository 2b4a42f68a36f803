#include "sibp/trainer/evaluation.hpp"

#include "sibp/core/heartbeat.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace sibp {

void output_loss(Device& device, Workspace& workspace, double smoothing) {
  if (workspace.spec().loss == Loss::softmax_cross_entropy) {
    device.softmax_cross_entropy(workspace.outputs(), workspace.labels(), smoothing, workspace.output_difference());
  } else {
    device.squared_error(workspace.outputs(), workspace.labels(), workspace.output_difference());
  }
}

void for_each_chunk(Device& device, const LocalSplit& split, const DeviceNormalisation& normalisation,
                    Workspace& workspace, const std::function<bool(Index first, Index count)>& visit,
                    const PictureChange& view) {
  std::vector<Index> columns;
  std::vector<PictureChange> changes;
  for (Index first = 0; first < split.samples->size(); first += workspace.capacity()) {
    const Index count = std::min(workspace.capacity(), split.samples->size() - first);
    columns.resize(static_cast<std::size_t>(count));
    std::iota(columns.begin(), columns.end(), first);
    if (view != PictureChange{}) changes.assign(columns.size(), view);
    workspace.set_samples(count);
    device.load_batch(*split.samples, columns, normalisation.shift.view(), normalisation.scale.view(),
                      workspace.inputs().values(), workspace.labels(), changes);
    workspace.evaluate();
    note_progress();
    if (!visit(first, count)) return;
  }
}

std::optional<LossAndAccuracy> evaluate(Device& device, const Communicator& communicator, const LocalSplit& split,
                                        const DeviceNormalisation& normalisation, Workspace& workspace,
                                        const std::function<bool()>& stop_requested) {
  bool stopped = false;
  for_each_chunk(device, split, normalisation, workspace, [&](Index, Index) {
    output_loss(device, workspace);
    stopped = stop_requested && stop_requested();
    return !stopped;
  });
  const LossSums local = device.take_loss_sums();
  std::array<double, 3> sums{local.loss, static_cast<double>(local.correct), stopped ? 1.0 : 0.0};
  communicator.all_reduce_sum(std::span<double>(sums));
  if (sums[2] > 0) return std::nullopt;
  const auto samples = static_cast<double>(std::max<Index>(split.global_size(), 1));
  return LossAndAccuracy{sums[0] / samples, sums[1] / samples};
}

std::string_view name_of(Views views) {
  switch (views) {
    case Views::none:
      return "none";
    case Views::flip:
      return "flip";
    case Views::flip_translate:
      return "flip+translate";
  }
  return "unknown";
}

std::vector<PictureChange> changes_of(Views views) {
  std::vector<PictureChange> changes;
  for (const std::int32_t shift : {0, -1, 1}) {
    changes.push_back({.down = shift, .right = shift});
    if (views != Views::none) changes.push_back({.mirrored = true, .down = shift, .right = shift});
    if (views != Views::flip_translate) break;
  }
  return changes;
}

bool has_views(const TensorShape& shape, Views views) {
  return views == Views::none || (shape.width > 1 && (views == Views::flip || shape.height > 1));
}

double accuracy_with_views(Device& device, const Communicator& communicator, const LocalSplit& split,
                           const DeviceNormalisation& normalisation, Workspace& workspace, Views views) {
  const Index outputs = workspace.spec().outputs();
  Matrix sums = device.allocate(outputs, split.samples->size());
  const std::vector<PictureChange> changes = changes_of(views);
  for (std::size_t k = 0; k < changes.size(); ++k) {
    const auto add_probabilities = [&](Index first, Index count) {
      const MatrixView sum = sums.view().block(0, first, outputs, count);
      device.softmax(workspace.outputs());
      device.axpy(1, workspace.outputs(), sum);
      // Of what this computes, the count of right answers is wanted.
      if (k + 1 == changes.size()) device.squared_error(sum, workspace.labels(), workspace.output_difference());
      return true;
    };
    for_each_chunk(device, split, normalisation, workspace, add_probabilities, changes[k]);
  }
  const auto correct = communicator.sum(static_cast<std::uint64_t>(device.take_loss_sums().correct));
  return static_cast<double>(correct) / static_cast<double>(std::max<Index>(split.global_size(), 1));
}

}  // namespace sibp
