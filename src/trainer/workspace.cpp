#include "sibp/trainer/workspace.hpp"

#include <utility>

namespace sibp {

namespace {

/// (features + 1) × capacity with a last row of ones, which multiplies the bias.
Matrix with_row_of_ones(Device& device, Index features, Index capacity) {
  Matrix matrix = device.allocate(features + 1, capacity);
  device.fill(matrix.view().block(features, 0, 1, capacity), 1);
  return matrix;
}

}  // namespace

InputBuffer::InputBuffer(Device& device, Index features, Index capacity)
    : inputs_(with_row_of_ones(device, features, capacity)), labels_(device.allocate_labels(capacity)) {
}

void InputBuffer::set_samples(Index samples) {
  require(samples >= 0 && samples <= capacity(), "a batch is larger than its workspace");
  samples_ = samples;
}

Workspace::Workspace(Device& device, const NetworkSpec& spec, Index capacity)
    : device_(device), inputs_(device, spec.inputs(), capacity), outputs_(device.allocate(spec.outputs(), capacity)) {
  for (const LayerSpec& layer : spec.layers) {
    if (&layer != &spec.layers.front()) features_.push_back(with_row_of_ones(device, layer.inputs, capacity));
    differences_.push_back(device.allocate(layer.outputs, capacity));
    masked_.push_back(device.allocate(layer.outputs, capacity));
  }
}

void Workspace::exchange_inputs(InputBuffer& inputs) {
  require(inputs.capacity() == capacity(), "the inputs are for another workspace");
  std::swap(inputs_, inputs);
}

MatrixView Workspace::features(std::size_t i) {
  return i == 0 ? inputs_.with_ones() : features_.at(i - 1).view().left_cols(inputs_.samples());
}

MatrixView Workspace::activations(std::size_t i) {
  if (i == differences_.size()) return outputs_.view().left_cols(inputs_.samples());
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
