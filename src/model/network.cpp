#include "sibp/model/network.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/random.hpp"
#include "sibp/model/tensor_layout.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <boost/random/normal_distribution.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

std::string weight_name(std::size_t layer) {
  return fmt::format("layers.{}.weight", layer);
}
std::string bias_name(std::size_t layer) {
  return fmt::format("layers.{}.bias", layer);
}

double deviation_of(const Initialisation& start, const LayerSpec& layer) {
  switch (start.kind) {
    case Initialisation::Kind::he:
      return std::sqrt(2.0 / static_cast<double>(layer.inputs));
    case Initialisation::Kind::glorot:
      return std::sqrt(2.0 / static_cast<double>(layer.inputs + layer.outputs));
    case Initialisation::Kind::normal:
      return start.deviation;
  }
  return 0;
}

const Tensor& find_tensor(const TensorFile& file, const std::string& name, const std::vector<Index>& shape,
                          std::string_view source) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) throw_model_error(fmt::format("{} has no tensor {}", source, name));
  if (found->second.shape != shape)
    throw_model_error(fmt::format("{}: tensor {} has shape {}, the network needs {}", source, name,
                                  fmt::join(found->second.shape, " × "), fmt::join(shape, " × ")));
  return found->second;
}

}  // namespace

Initialisation initialisation_from_name(std::string_view name) {
  if (name == "he") return {Initialisation::Kind::he, 0};
  if (name == "glorot") return {Initialisation::Kind::glorot, 0};
  constexpr std::string_view prefix = "normal:";
  if (name.starts_with(prefix)) {
    const auto text = name.substr(prefix.size());
    double deviation = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), deviation);
    if (error == std::errc() && end == text.data() + text.size() && std::isfinite(deviation) && deviation >= 0)
      return {Initialisation::Kind::normal, deviation};
  }
  throw_usage_error(fmt::format(
      "--init is '{}', expected he, glorot, normal:σ with a standard deviation σ ≥ 0, or the file of a model", name));
}

Network make_network(Device& device, const NetworkSpec& spec, const Initialisation& start, std::uint64_t seed) {
  Network network{spec, {}};
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    std::vector<Real> values(static_cast<std::size_t>(layer.parameters()), Real(0));
    const Index drawn = start.kind == Initialisation::Kind::normal ? layer.parameters() : layer.outputs * layer.inputs;
    auto generator = random_stream(seed, Stream::weights, i);
    boost::random::normal_distribution<double> normal(0, deviation_of(start, layer));
    for (Index k = 0; k < drawn; ++k) values[static_cast<std::size_t>(k)] = static_cast<Real>(normal(generator));
    network.weights.push_back(device.allocate(layer.outputs, layer.fan_in()));
    device.upload(values, network.weights.back().view());
  }
  return network;
}

HostWeights download_weights(Device& device, const Network& network) {
  HostWeights weights;
  for (const Matrix& layer : network.weights) {
    weights.emplace_back(static_cast<std::size_t>(layer.size()));
    device.download(layer.view(), weights.back());
  }
  return weights;
}

std::map<std::string, Tensor> to_tensors(const NetworkSpec& spec, HostWeights weights) {
  std::map<std::string, Tensor> tensors;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    const ConstMatrixView host{weights[i].data(), layer.outputs, layer.fan_in(), layer.outputs};
    tensors.emplace(weight_name(i), to_tensor(host.left_cols(layer.inputs)));
    Tensor bias = to_tensor(host.block(0, layer.inputs, layer.outputs, 1));
    bias.shape = {layer.outputs};
    tensors.emplace(bias_name(i), std::move(bias));
    weights[i] = {};
  }
  return tensors;
}

std::map<std::string, Tensor> to_tensors(Device& device, const Network& network) {
  return to_tensors(network.spec, download_weights(device, network));
}

Network network_from_tensors(Device& device, const NetworkSpec& spec, const TensorFile& file, std::string_view source) {
  Network network{spec, {}};
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    const Tensor& weight = find_tensor(file, weight_name(i), {layer.outputs, layer.inputs}, source);
    const Tensor& bias = find_tensor(file, bias_name(i), {layer.outputs}, source);
    std::vector<Real> columns(static_cast<std::size_t>(layer.parameters()));
    const MatrixView host{columns.data(), layer.outputs, layer.fan_in(), layer.outputs};
    from_tensor(weight, host.left_cols(layer.inputs));
    std::copy(bias.values.begin(), bias.values.end(), host.data + layer.outputs * layer.inputs);  // the last column
    network.weights.push_back(device.allocate(layer.outputs, layer.fan_in()));
    device.upload(columns, network.weights.back().view());
  }
  const auto expected = 2 * static_cast<std::ptrdiff_t>(spec.layers.size());
  const auto is_of_layer = [](const auto& entry) { return entry.first.starts_with("layers."); };
  if (const auto found = std::count_if(file.tensors.begin(), file.tensors.end(), is_of_layer); found != expected)
    throw_model_error(
        fmt::format("{} has {} tensors of layers, but the network {} needs {}: a weight and a bias for each of "
                    "its {} layers",
                    source, found, short_name(spec), expected, spec.layers.size()));
  return network;
}

}  // namespace sibp
