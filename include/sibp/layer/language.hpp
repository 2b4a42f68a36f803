#pragma once

#include "sibp/model/network_spec.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sibp {

class LayerArguments;

/// A kind of layer, as the layer language knows it. A new one gets its own source and a line in
/// src/layer/layer_kinds.cpp.
struct LayerKind {
  std::string_view name;
  std::string_view usage;  ///< "dense(outputs[,activation])"
  /// The layer from what stands between its brackets, on samples of this shape.
  std::function<std::shared_ptr<const LayerSpec>(LayerArguments&, const TensorShape& input)> make;
};

/// All kinds of layers, activations among them.
const std::vector<LayerKind>& layer_kinds();

/// Reads the layer language: layers separated by blanks, each a name and perhaps arguments in brackets, in the order of
/// the kind's usage or by name:
///
///   conv(64,3,relu) conv(64,3,stride=2) norm relu maxpool(2) residual( conv(64,3) norm relu conv(64,3) norm ) relu
///   meanpool dropout(0.2) dense(10)
///
/// A convolution's padding is (kernel − 1) / 2 unless given; an activation left out is identity, but for a dense layer
/// that is not the last `hidden_activation`. residual( … ) adds what its layers make of its input to that input, which
/// goes through a convolution of kernel 1 where the shapes differ. The last layer is a dense one and linear. `kinds`
/// are those known.
///
/// Throws Error (usage) naming `network` and what is wrong, with the text and a caret under the place.
NetworkSpec parse_network(std::string_view text, const TensorShape& input, Loss loss, Activation hidden_activation,
                          std::span<const LayerKind> kinds = layer_kinds());
/// The same on samples of so many features.
NetworkSpec parse_network(std::string_view text, Index inputs, Loss loss, Activation hidden_activation);

/// The same network from widths alone: "4000,1000,4000" and the number of classes. An empty text is no hidden layer.
/// Throws Error (usage) naming `hidden`.
NetworkSpec network_from_widths(std::string_view hidden, const TensorShape& input, Index classes, Loss loss,
                                Activation hidden_activation);
NetworkSpec network_from_widths(std::string_view hidden, Index inputs, Index classes, Loss loss,
                                Activation hidden_activation);

}  // namespace sibp
