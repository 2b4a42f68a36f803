#include "layer/layer_kinds.hpp"

namespace sibp {

const std::vector<LayerKind>& layer_kinds() {
  static const std::vector<LayerKind> kinds{
      dense_kind(),
      convolution_kind(),
      max_pool_kind(),
      mean_pool_kind(),
      norm_kind(),
      dropout_kind(),
      activation_kind(Activation::relu),
      activation_kind(Activation::leaky_relu),
      activation_kind(Activation::tanh),
      activation_kind(Activation::sigmoid),
      activation_kind(Activation::gelu),
      activation_kind(Activation::identity),
  };
  return kinds;
}

}  // namespace sibp
