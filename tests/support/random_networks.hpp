#pragma once

// Networks in the layer language, drawn at random: every kind of layer, in orders nobody would think of.

#include "sibp/device/tensor_shape.hpp"
#include "sibp/layer/language.hpp"

#include <array>
#include <random>
#include <string>

#include <fmt/format.h>

namespace sibp::testing_support {

/// Draws texts whose layers fit small pictures of 12 channels.
class RandomNetworks {
 public:
  explicit RandomNetworks(std::uint64_t seed, bool with_dropout = true)
      : generator_(seed), with_dropout_(with_dropout) {}

  static constexpr TensorShape input{9, 8, 12};

  /// A text that ends with dense(3).
  std::string draw() {
    std::string text = sequence(1 + below(4), 2, true);
    if (below(2) == 0) text += " meanpool";
    return text + " dense(3)";
  }

 private:
  int below(int end) { return static_cast<int>(generator_() % static_cast<unsigned>(end)); }

  template <class... Texts>
  std::string one_of(Texts... texts) {
    const std::array<std::string, sizeof...(Texts)> all{texts...};
    return all[static_cast<std::size_t>(below(static_cast<int>(all.size())))];
  }

  std::string sequence(int layers, int depth, bool may_shrink) {
    std::string text;
    for (int k = 0; k < layers; ++k) text += (k == 0 ? "" : " ") + layer(depth, may_shrink);
    return text;
  }

  /// One that leaves 12 or 24 channels, and where it may not shrink as many pixels as there were.
  std::string layer(int depth, bool may_shrink) {
    switch (below(may_shrink ? 8 : 6)) {
      case 0:
        return one_of("norm", "norm(relu)", "norm(group=3,tanh)", "norm( group = 4 )", "norm(12)");
      case 1:
        return one_of("relu", "leaky-relu", "tanh", "sigmoid", "gelu", "identity");
      case 2:
        return with_dropout_ ? one_of("dropout(0.25)", "dropout(rate=0.1)") : one_of("relu", "identity");
      case 3:
        if (depth > 0) return residual(depth - 1);
        [[fallthrough]];
      case 4:
      case 5:
        return one_of("conv(12,3)", "conv(12,3,relu)", "conv(kernel=1,channels=12,tanh)", "conv(24,1) norm relu",
                      "conv(12,5,gelu)", "conv (24 , 3 , leaky-relu)", "conv(12,3,stride=1,padding=1,identity)");
      case 6:
        // These make a picture of 9 × 8 pixels smaller three times at most.
        if (++shrunk_ > 2) return "identity";
        return one_of("maxpool(2)", "meanpool(2)", "maxpool(2,stride=1)", "meanpool(kernel=2,stride=2)");
      default:
        if (++shrunk_ > 2) return "identity";
        return one_of("conv(12,3,stride=2)", "conv(12,1,stride=2,relu)");
    }
  }

  std::string residual(int depth) {
    return "residual(" + one_of("", " ", "\n\t") + sequence(1 + below(3), depth, false) + ")" +
           (with_dropout_ ? one_of("", " relu", " norm", " dropout(0.5)") : one_of("", " relu", " norm"));
  }

  std::mt19937_64 generator_;
  bool with_dropout_;
  int shrunk_ = 0;
};

}  // namespace sibp::testing_support
