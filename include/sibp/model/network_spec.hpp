#pragma once

#include "sibp/model/layer_spec.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

enum class Loss {
  softmax_cross_entropy,  ///< −log softmax(F_L)[class] per sample
  squared_error,          ///< ½ ‖F_L − one-hot(class)‖² per sample
};

/// "softmax-cross-entropy" or "mean-squared-error". Throws Error (usage) for another name.
Loss loss_from_name(std::string_view name);
std::string_view name_of(Loss loss);

/// "identity", "relu", "leaky-relu", "tanh", "sigmoid" or "gelu".
std::string_view name_of(Activation activation);
/// The activation of that name, or nothing.
std::optional<Activation> activation_from_name(std::string_view name);

/// A layer and what it reads. Tensor 0 is the network's input, tensor k > 0 the output of node k − 1.
struct Node {
  std::shared_ptr<const LayerSpec> layer;
  std::vector<std::size_t> inputs;  ///< tensors; all come before the node
};

/// The shape of what a normalisation learns: [γ β], channels × 2, or β alone, channels × 1, where γ is fixed at 1.
struct ScaleShape {
  Index channels = 0;
  Index columns = 0;
};

/// A network without its weights: layers in an order in which each comes after those it reads. Made by parse_network.
struct NetworkSpec {
  TensorShape input;
  std::vector<Node> nodes;
  Loss loss = Loss::softmax_cross_entropy;
  std::string text;            ///< in the layer language, with everything named: parse_network reads it back
  std::vector<MapShape> maps;  ///< of the nodes that have one, in their order

  [[nodiscard]] Index inputs() const { return input.size(); }
  [[nodiscard]] Index outputs() const { return maps.back().outputs; }
  /// Of the layers that have scales, in their order.
  [[nodiscard]] std::vector<ScaleShape> scales() const;
  /// What methods update: weights and scales, no statistics.
  [[nodiscard]] Index parameters() const;
  [[nodiscard]] TensorShape shape(std::size_t tensor) const {
    return tensor == 0 ? input : nodes[tensor - 1].layer->output();
  }
  friend bool operator==(const NetworkSpec& a, const NetworkSpec& b) {
    return a.input == b.input && a.text == b.text && a.loss == b.loss;
  }
};

/// "784-500-10" for a chain of dense layers, "28x28x1-c32-c64-10" with convolutions, for people and file names.
std::string short_name(const NetworkSpec& spec);

}  // namespace sibp
