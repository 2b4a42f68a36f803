#include "sibp/model/network.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/random.hpp"

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

std::map<std::string, Tensor> to_tensors(Device& device, const Network& network) {
  std::map<std::string, Tensor> tensors;
  for (std::size_t i = 0; i < network.spec.layers.size(); ++i) {
    const LayerSpec& layer = network.spec.layers[i];
    std::vector<Real> columns(static_cast<std::size_t>(layer.parameters()));
    device.download(network.weights[i].view(), columns);
    const ConstMatrixView host{columns.data(), layer.outputs, layer.fan_in(), layer.outputs};
    Tensor weight{{layer.outputs, layer.inputs}, {}};
    Tensor bias{{layer.outputs}, {}};
    weight.values.reserve(columns.size());
    for (Index r = 0; r < layer.outputs; ++r) {
      for (Index c = 0; c < layer.inputs; ++c) weight.values.push_back(host(r, c));
      bias.values.push_back(host(r, layer.inputs));
    }
    tensors.emplace(weight_name(i), std::move(weight));
    tensors.emplace(bias_name(i), std::move(bias));
  }
  return tensors;
}

Network network_from_tensors(Device& device, const NetworkSpec& spec, const TensorFile& file, std::string_view source) {
  Network network{spec, {}};
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    const Tensor& weight = find_tensor(file, weight_name(i), {layer.outputs, layer.inputs}, source);
    const Tensor& bias = find_tensor(file, bias_name(i), {layer.outputs}, source);
    std::vector<Real> columns(static_cast<std::size_t>(layer.parameters()));
    const MatrixView host{columns.data(), layer.outputs, layer.fan_in(), layer.outputs};
    for (Index r = 0; r < layer.outputs; ++r) {
      for (Index c = 0; c < layer.inputs; ++c)
        host(r, c) = weight.values[static_cast<std::size_t>(r * layer.inputs + c)];
      host(r, layer.inputs) = bias.values[static_cast<std::size_t>(r)];
    }
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
