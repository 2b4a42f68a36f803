#include "layer/norm_layer.hpp"

#include <algorithm>
#include <cstddef>

namespace sibp {

NormLayer::NormLayer(LayerPlace place, Activation activation) : place_(std::move(place)), activation_(activation) {
  const auto channels = static_cast<std::size_t>(place_.parameters.front().rows);
  for (auto* values : {&gamma_, &beta_, &delta_input_, &delta_, &squares_, &inputs_}) values->resize(channels);
  gamma_.assign(channels, 1);
  host_scales_.resize(static_cast<std::size_t>(weights().size()));
}

void NormLayer::backward() {
  const MatrixView d = place_.output_difference();
  if (activation_ != Activation::identity) place_.device.apply_derivative(activation_, place_.output(), d, d);
  sum_delta(d);
}

void NormLayer::read_scales() {
  place_.device.download(weights(), host_scales_);
  const std::size_t first_beta = host_scales_.size() - channels();
  if (first_beta > 0) std::copy_n(host_scales_.begin(), channels(), gamma_.begin());
  std::copy_n(host_scales_.begin() + static_cast<std::ptrdiff_t>(first_beta), channels(), beta_.begin());
}

void NormLayer::combine(ConstMatrixView x, ConstMatrixView z, Activation activation, Real beta, MatrixView y) {
  const auto channels = static_cast<Index>(gamma_.size());
  place_.device.combine_channels(channels, {of_x_, of_z_, constant_}, x, z, activation, beta, y);
}

ParameterSpec scale_parameter(Index channels, NormScale scale) {
  if (scale == NormScale::fixed) return {ParameterRole::scales, channels, 1, {{"shift", 1, {channels}}}, {0}};
  return {ParameterRole::scales, channels, 2, {{"scale", 1, {channels}}, {"shift", 1, {channels}}}, {1, 0}};
}

Tensor gamma_of(const ExportedLayer& layer) {
  if (const auto found = layer.parameters.find("scale"); found != layer.parameters.end()) return found->second;
  Tensor ones = parameter_of(layer, "shift");
  std::ranges::fill(ones.values, Real(1));
  return ones;
}

}  // namespace sibp
