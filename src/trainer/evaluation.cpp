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
                    Workspace& workspace, const std::function<bool(Index first, Index count)>& visit) {
  std::vector<Index> columns;
  for (Index first = 0; first < split.samples->size(); first += workspace.capacity()) {
    const Index count = std::min(workspace.capacity(), split.samples->size() - first);
    columns.resize(static_cast<std::size_t>(count));
    std::iota(columns.begin(), columns.end(), first);
    workspace.set_samples(count);
    device.load_batch(*split.samples, columns, normalisation.shift.view(), normalisation.scale.view(),
                      workspace.inputs().values(), workspace.labels());
    workspace.evaluate();
    beat_again();
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

}  // namespace sibp
