#include "sibp/model/network.hpp"

#include "sibp/core/error.hpp"
#include "sibp/model/tensor_layout.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

std::string tensor_name(const Parameter& parameter, const ParameterPiece& piece) {
  return fmt::format("layers.{}.{}", parameter.layer, piece.name);
}

/// The parameters of a network's layers, without matrices.
std::vector<Parameter> list_parameters(const NetworkSpec& spec) {
  std::vector<Parameter> parameters;
  std::size_t layer = 0;
  for (std::size_t node = 0; node < spec.nodes.size(); ++node) {
    auto specs = spec.nodes[node].layer->parameters();
    for (ParameterSpec& parameter : specs) parameters.push_back({node, layer, std::move(parameter), {}});
    if (!specs.empty()) ++layer;
  }
  return parameters;
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

std::string Parameter::name() const {
  switch (spec.role) {
    case ParameterRole::weights:
      return fmt::format("weights of layer {}", layer + 1);
    case ParameterRole::scales:
      return fmt::format("scales of layer {}", layer + 1);
    case ParameterRole::statistics:
      return fmt::format("statistics of layer {}", layer + 1);
  }
  return "";
}

std::vector<MatrixView> Network::views(ParameterRole role) {
  std::vector<MatrixView> views;
  for (Parameter& parameter : parameters)
    if (parameter.spec.role == role) views.push_back(parameter.matrix.view());
  return views;
}

Network make_empty_network(Device& device, const NetworkSpec& spec) {
  Network network{spec, list_parameters(spec)};
  for (Parameter& parameter : network.parameters)
    parameter.matrix = device.allocate(parameter.spec.rows, parameter.spec.cols);
  return network;
}

Network make_network(Device& device, const NetworkSpec& spec, const Initialisation& start, std::uint64_t seed) {
  Network network = make_empty_network(device, spec);
  std::size_t map = 0;
  for (Parameter& parameter : network.parameters) {
    const MatrixView matrix = parameter.matrix.view();
    if (parameter.spec.start.empty()) {
      device.upload(initial_weights(spec.maps[map], parameter.spec, start, seed, map), matrix);
      ++map;
    } else {
      for (Index c = 0; c < matrix.cols; ++c)
        device.fill(matrix.block(0, c, matrix.rows, 1),
                    static_cast<Real>(parameter.spec.start[static_cast<std::size_t>(c)]));
    }
  }
  return network;
}

std::map<std::string, TensorView> tensor_views(const Network& network) {
  std::map<std::string, TensorView> views;
  for (const Parameter& parameter : network.parameters) {
    const ConstMatrixView matrix = parameter.matrix.view();
    Index first = 0;
    for (const ParameterPiece& piece : parameter.spec.pieces) {
      views.emplace(tensor_name(parameter, piece),
                    TensorView{piece.shape, matrix.block(0, first, matrix.rows, piece.columns)});
      first += piece.columns;
    }
  }
  return views;
}

HostWeights download_weights(Device& device, const Network& network) {
  HostWeights weights;
  for (const Parameter& parameter : network.parameters) {
    weights.emplace_back(static_cast<std::size_t>(parameter.matrix.size()));
    device.download(parameter.matrix.view(), weights.back());
  }
  return weights;
}

std::map<std::string, Tensor> to_tensors(const NetworkSpec& spec, HostWeights weights) {
  std::map<std::string, Tensor> tensors;
  const std::vector<Parameter> parameters = list_parameters(spec);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const ParameterSpec& parameter = parameters[k].spec;
    const ConstMatrixView host{weights[k].data(), parameter.rows, parameter.cols, parameter.rows};
    Index first = 0;
    for (const ParameterPiece& piece : parameter.pieces) {
      Tensor tensor = to_tensor(host.block(0, first, parameter.rows, piece.columns));
      tensor.shape = piece.shape;
      tensors.emplace(tensor_name(parameters[k], piece), std::move(tensor));
      first += piece.columns;
    }
    weights[k] = {};
  }
  return tensors;
}

std::map<std::string, Tensor> to_tensors(Device& device, const Network& network) {
  return to_tensors(network.spec, download_weights(device, network));
}

Network network_from_tensors(Device& device, const NetworkSpec& spec, const TensorFile& file, std::string_view source) {
  Network network = make_empty_network(device, spec);
  std::ptrdiff_t expected = 0;
  for (Parameter& parameter : network.parameters) {
    const MatrixView matrix = parameter.matrix.view();
    std::vector<Real> columns(static_cast<std::size_t>(matrix.size()));
    const MatrixView host{columns.data(), matrix.rows, matrix.cols, matrix.rows};
    Index first = 0;
    for (const ParameterPiece& piece : parameter.spec.pieces) {
      const Tensor& tensor = find_tensor(file, tensor_name(parameter, piece), piece.shape, source);
      from_tensor(tensor, host.block(0, first, host.rows, piece.columns));
      first += piece.columns;
      ++expected;
    }
    device.upload(columns, matrix);
  }
  const auto is_of_layer = [](const auto& entry) { return entry.first.starts_with("layers."); };
  if (const auto found = std::count_if(file.tensors.begin(), file.tensors.end(), is_of_layer); found != expected)
    throw_model_error(fmt::format("{} has {} tensors of layers, but the network {} needs {}", source, found,
                                  short_name(spec), expected));
  return network;
}

}  // namespace sibp
