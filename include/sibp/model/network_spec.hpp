#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/activation.hpp"

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

/// "identity", "relu", "leaky-relu", "tanh" or "sigmoid".
std::string_view name_of(Activation activation);

/// A fully connected layer i: F_i = σ(Ŵ_i [F_{i−1}; 1ᵀ]), Ŵ_i outputs × (inputs + 1).
struct LayerSpec {
  Index inputs = 0;   ///< n_{i−1}
  Index outputs = 0;  ///< n_i
  Activation activation = Activation::identity;

  [[nodiscard]] Index fan_in() const { return inputs + 1; }  ///< with the row of ones
  [[nodiscard]] Index parameters() const { return outputs * fan_in(); }
  friend bool operator==(const LayerSpec&, const LayerSpec&) = default;
};

/// A network as text and as numbers; weights are Network's.
struct NetworkSpec {
  std::vector<LayerSpec> layers;
  Loss loss = Loss::softmax_cross_entropy;

  [[nodiscard]] Index inputs() const { return layers.front().inputs; }
  [[nodiscard]] Index outputs() const { return layers.back().outputs; }
  [[nodiscard]] Index parameters() const;
  friend bool operator==(const NetworkSpec&, const NetworkSpec&) = default;
};

/// Reads the layer language: layers separated by blanks, each `dense(outputs)` or `dense(outputs,activation)`, for
/// example "dense(500,relu) dense(10)". An activation left out is `hidden_activation`, in the last layer identity. The
/// last layer must be linear. Throws Error (usage) naming --network, the layer and what is wrong with it.
NetworkSpec parse_network(std::string_view text, Index inputs, Loss loss, Activation hidden_activation);

/// The same network from widths alone: "4000,1000,4000" and the number of classes. An empty text is no hidden layer.
/// Throws Error (usage) naming --hidden.
NetworkSpec network_from_widths(std::string_view hidden, Index inputs, Index classes, Loss loss,
                                Activation hidden_activation);

/// The network in the layer language, with every activation named; parse_network reads it back.
std::string to_text(const NetworkSpec& spec);

/// "784-500-10", for people and file names.
std::string short_name(const NetworkSpec& spec);

}  // namespace sibp
