#include "sibp/trainer/workspace.hpp"

namespace sibp {

Workspace::Workspace(Device& device, const NetworkSpec& spec, Index capacity)
    : device_(device), capacity_(capacity), labels_(device.allocate_labels(capacity)) {
  for (const LayerSpec& layer : spec.layers) {
    features_.push_back(device.allocate(layer.fan_in(), capacity));
    device.fill(features_.back().view().block(layer.inputs, 0, 1, capacity), 1);  // the row of ones multiplies the bias
    differences_.push_back(device.allocate(layer.outputs, capacity));
    masked_.push_back(device.allocate(layer.outputs, capacity));
  }
  outputs_ = device.allocate(spec.outputs(), capacity);
}

void Workspace::set_samples(Index samples) {
  require(samples >= 0 && samples <= capacity_, "a batch is larger than its workspace");
  samples_ = samples;
}

MatrixView Workspace::activations(std::size_t i) {
  if (i == features_.size()) return outputs_.view().left_cols(samples_);
  const MatrixView with_ones = features(i);
  return with_ones.top_rows(with_ones.rows - 1);
}

void Workspace::forward_layer(const Network& network, std::size_t i) {
  const MatrixView f = activations(i);
  device_.gemm(Op::none, Op::none, 1, network.weights[i - 1].view(), features(i - 1), 0, f);  // G_i = Ŵ_i F̂_{i−1}
  device_.activate(network.spec.layers[i - 1].activation, f);                                 // F_i = σ(G_i)
}

void Workspace::forward(const Network& network) {
  for (std::size_t i = 1; i <= network.weights.size(); ++i) forward_layer(network, i);
}

}  // namespace sibp
