#include "layer/norm_layer.hpp"

namespace sibp {

NormLayer::NormLayer(LayerPlace place, Activation activation) : place_(std::move(place)), activation_(activation) {
  const auto channels = static_cast<std::size_t>(place_.parameters.front().rows);
  for (auto* values : {&gamma_, &beta_, &masked_input_, &masked_, &squares_, &inputs_}) values->resize(channels);
  host_scales_.resize(2 * channels);
}

void NormLayer::backward() {
  const MatrixView d = place_.output_difference();
  if (activation_ != Activation::identity) place_.device.apply_derivative(activation_, place_.output(), d, d);
  sum_masked(d);
}

void NormLayer::read_scales() {
  place_.device.download(weights(), host_scales_);
  for (std::size_t c = 0; c < channels(); ++c) {
    gamma_[c] = static_cast<double>(host_scales_[c]);
    beta_[c] = static_cast<double>(host_scales_[channels() + c]);
  }
}

void NormLayer::combine(ConstMatrixView x, ConstMatrixView z, Activation activation, Real beta, MatrixView y) {
  const auto channels = static_cast<Index>(gamma_.size());
  place_.device.combine_channels(channels, {of_x_, of_z_, constant_}, x, z, activation, beta, y);
}

ParameterSpec scale_parameter(Index channels) {
  return {ParameterRole::scales, channels, 2, {{"scale", 1, {channels}}, {"shift", 1, {channels}}}, {1, 0}};
}

}  // namespace sibp
