#include "trainer/exported_layers.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/finite.hpp"
#include "sibp/device/device.hpp"
#include "sibp/model/tensor_layout.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sibp {
namespace {

void check_finite(const std::vector<Real>& values, std::string_view name, std::string_view source) {
  if (all_finite(values)) return;
  throw_model_error(fmt::format("{}: tensor {} is not finite; the model is damaged", source, name));
}

/// The weights, by way of a network, which sees that they fit.
std::map<std::string, Tensor> checked_weights(const Model& model, std::string_view source) {
  const auto device = make_cpu_device(1);
  auto tensors = to_tensors(*device, network_from_tensors(*device, model.spec, model.file, source));
  for (const auto& [name, tensor] : tensors) check_finite(tensor.values, name, source);
  check_finite(model.normalisation.shift, "normalisation.shift", source);
  check_finite(model.normalisation.scale, "normalisation.scale", source);
  return tensors;
}

/// The values of the first pixel, if all have the same.
void keep_one_pixel(Tensor& tensor, const TensorShape& shape) {
  const auto pixels = static_cast<std::ptrdiff_t>(shape.pixels());
  std::vector<Real> of_channels;
  for (auto first = tensor.values.begin(); first != tensor.values.end(); first += pixels) {
    if (std::any_of(first, first + pixels, [first](Real value) { return value != *first; })) return;
    of_channels.push_back(*first);
  }
  tensor = {{shape.channels, 1, 1}, std::move(of_channels)};
}

Tensor per_pixel(const std::vector<Real>& values, const TensorShape& shape) {
  if (is_vector(shape)) return {{shape.channels}, values};
  Tensor tensor = with_channels_slowest({{shape.channels, shape.height, shape.width}, values}, shape);
  keep_one_pixel(tensor, shape);
  return tensor;
}

}  // namespace

std::vector<ExportedLayer> exported_layers(const Model& model, std::string_view source) {
  const auto weights = checked_weights(model, source);
  std::vector<ExportedLayer> layers;
  std::size_t with_parameters = 0;
  for (const Node& node : model.spec.nodes) {
    ExportedLayer layer;
    layer.input = model.spec.shape(node.inputs.front());
    const auto parameters = node.layer->parameters();
    const std::size_t number = parameters.empty() ? layers.size() : with_parameters++;
    layer.name = fmt::format("{}.{}", parameters.empty() ? "nodes" : "layers", number);
    for (const ParameterSpec& parameter : parameters)
      for (const ParameterPiece& piece : parameter.pieces)
        layer.parameters[piece.name] = weights.at(fmt::format("{}.{}", layer.name, piece.name));
    layers.push_back(std::move(layer));
  }
  return layers;
}

ExportedNormalisation exported_normalisation(const Model& model) {
  return {per_pixel(model.normalisation.shift, model.spec.input),
          per_pixel(model.normalisation.scale, model.spec.input)};
}

}  // namespace sibp
