#pragma once

#include "sibp/layer/language.hpp"
#include "sibp/model/network.hpp"
#include "sibp/update/methods.hpp"

#include "support/naive.hpp"

#include <string_view>

namespace sibp::testing_support {

/// A chain of so many dense layers.
inline NetworkSpec chain_of(int layers) {
  std::string hidden;
  for (int i = 1; i < layers; ++i) hidden += i == 1 ? "3" : ",3";
  return network_from_widths(hidden, 4, 2, Loss::softmax_cross_entropy, Activation::relu);
}

/// A small network with every kind of layer, for pictures of 7 × 6 pixels or so and 5 classes.
inline constexpr std::string_view conv_net =
    "conv(6,3) norm relu maxpool(2) residual( conv(8,3,stride=2) norm(group=2) relu dropout(0.2) ) gelu meanpool "
    "dense(5)";

/// sibp for it, with all that it keeps between steps: means, factors for two steps, momentum.
inline MethodOptions sibp_of_conv_net() {
  MethodOptions options = default_options(Method::sibp);
  options.forms = {Form::normal};
  options.convolution.sample = 2;
  options.convolution.refresh.every = 2;
  options.convolution.refresh.burn_in = 3;
  options.weight_decay = 0.01;
  return options;
}

/// The parameters of one role.
inline std::vector<naive::Dense> parameters_of(Device& device, Network& network, ParameterRole role) {
  std::vector<naive::Dense> values;
  for (const MatrixView view : network.views(role)) values.push_back(naive::download(device, view));
  return values;
}
inline void set_parameters(Device& device, Network& network, ParameterRole role,
                           const std::vector<naive::Dense>& values) {
  const auto views = network.views(role);
  for (std::size_t i = 0; i < values.size(); ++i) device.copy(naive::upload(device, values[i]).view(), views[i]);
}

/// A network with the given weights of its maps, and its other parameters as they start.
inline Network network_with(Device& device, const NetworkSpec& spec, const std::vector<naive::Dense>& weights) {
  Network network = make_network(device, spec, {}, 1);
  set_parameters(device, network, ParameterRole::weights, weights);
  return network;
}

/// The weights of the maps.
inline std::vector<naive::Dense> weights_of(Device& device, Network& network) {
  return parameters_of(device, network, ParameterRole::weights);
}

}  // namespace sibp::testing_support
