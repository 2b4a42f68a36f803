#pragma once

#include "sibp/device/device.hpp"
#include "sibp/model/initialisation.hpp"
#include "sibp/model/network_spec.hpp"
#include "sibp/model/safetensors.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sibp {

/// One matrix of a network on a device.
struct Parameter {
  std::size_t node = 0;   ///< of NetworkSpec::nodes
  std::size_t layer = 0;  ///< from 0, among the layers that have parameters: I of "layers.I.weight"
  ParameterSpec spec;
  Matrix matrix;

  /// "weights of layer 1", for people.
  [[nodiscard]] std::string name() const;
};

/// A network with its parameters on a device, in the order of the nodes.
struct Network {
  NetworkSpec spec;
  std::vector<Parameter> parameters;

  /// Those of one role: with `weights`, Ŵ of the maps in the order of NetworkSpec::maps.
  [[nodiscard]] std::vector<MatrixView> views(ParameterRole role);
};

/// A network whose parameters are 0. Local.
Network make_empty_network(Device& device, const NetworkSpec& spec);

/// A network whose weights are drawn by streams of (seed, map). Local.
Network make_network(Device& device, const NetworkSpec& spec, const Initialisation& start, std::uint64_t seed);

/// A tensor where it lies: its elements row by row are those of the matrix row by row.
struct TensorView {
  std::vector<Index> shape;
  ConstMatrixView matrix;  ///< on the device
};

/// The tensors that to_tensors makes, by name, in the network's own memory. Local.
std::map<std::string, TensorView> tensor_views(const Network& network);

/// The matrix of every parameter in host memory, column-major: a copy that stays while training goes on.
using HostWeights = std::vector<std::vector<Real>>;
HostWeights download_weights(Device& device, const Network& network);

/// The parameters as tensors "layers.I.NAME", I from 0, each in the place of what it was made of: there is at no time a
/// second copy of more than one. NAME is weight and bias of a linear map, scale, shift, mean and variance of a
/// normalisation. Local.
std::map<std::string, Tensor> to_tensors(const NetworkSpec& spec, HostWeights weights);
std::map<std::string, Tensor> to_tensors(Device& device, const Network& network);

/// A network with the weights of `file`. Throws Error (model) naming the tensor that is missing, left over or of
/// another shape; `source` names the file in messages. Local.
Network network_from_tensors(Device& device, const NetworkSpec& spec, const TensorFile& file, std::string_view source);

}  // namespace sibp
