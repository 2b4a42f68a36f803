#include "sibp/trainer/evaluation.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace sibp {

LossSums output_loss(Device& device, Loss loss, Workspace& workspace, std::size_t layers) {
  const auto evaluate_loss =
      loss == Loss::softmax_cross_entropy ? &Device::softmax_cross_entropy : &Device::squared_error;
  return (device.*evaluate_loss)(workspace.activations(layers), workspace.labels(), workspace.difference(layers));
}

void for_each_chunk(Device& device, const Network& network, const LocalSplit& split,
                    const DeviceNormalisation& normalisation, Workspace& workspace,
                    const std::function<void(Index first, Index count)>& visit) {
  std::vector<Index> columns;
  for (Index first = 0; first < split.samples->size(); first += workspace.capacity()) {
    const Index count = std::min(workspace.capacity(), split.samples->size() - first);
    columns.resize(static_cast<std::size_t>(count));
    std::iota(columns.begin(), columns.end(), first);
    workspace.set_samples(count);
    device.load_batch(*split.samples, columns, normalisation.shift.view(), normalisation.scale.view(),
                      workspace.activations(0), workspace.labels());
    workspace.forward(network);
    visit(first, count);
  }
}

LossAndAccuracy evaluate(Device& device, const Communicator& communicator, const Network& network,
                         const LocalSplit& split, const DeviceNormalisation& normalisation, Workspace& workspace) {
  std::array<double, 2> sums{};  // loss, samples classified rightly
  for_each_chunk(device, network, split, normalisation, workspace, [&](Index, Index) {
    const LossSums chunk = output_loss(device, network.spec.loss, workspace, network.weights.size());
    sums[0] += chunk.loss;
    sums[1] += static_cast<double>(chunk.correct);
  });
  communicator.all_reduce_sum(std::span<double>(sums));
  const auto samples = static_cast<double>(std::max<Index>(split.global_size(), 1));
  return {sums[0] / samples, sums[1] / samples};
}

}  // namespace sibp
