#pragma once

#include "sibp/device/device.hpp"
#include "sibp/model/network_spec.hpp"
#include "sibp/model/safetensors.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sibp {

/// How weights start; biases start at 0.
struct Initialisation {
  enum class Kind {
    he,      ///< N(0, 2 / inputs)
    glorot,  ///< N(0, 2 / (inputs + outputs))
    normal,  ///< N(0, σ²), biases as well (the authors' start)
  };
  Kind kind = Kind::he;
  double deviation = 0;  ///< σ of `normal`
};

/// Reads "he", "glorot" or "normal:σ". Throws Error (usage) naming --init.
Initialisation initialisation_from_name(std::string_view name);

/// A network's weights on a device: weights[i] is Ŵ = [W b] of layer i + 1, outputs × (inputs + 1).
struct Network {
  NetworkSpec spec;
  std::vector<Matrix> weights;
};

/// A network whose weights are drawn by streams of (seed, layer). Local.
Network make_network(Device& device, const NetworkSpec& spec, const Initialisation& start, std::uint64_t seed);

/// Ŵ of every layer in host memory, column-major: a copy that stays while training goes on.
using HostWeights = std::vector<std::vector<Real>>;
HostWeights download_weights(Device& device, const Network& network);

/// The weights as tensors "layers.I.weight" (outputs × inputs) and "layers.I.bias" (outputs), I from 0, each layer in
/// the place of what it was made of: there is at no time a second copy of more than one. Local.
std::map<std::string, Tensor> to_tensors(const NetworkSpec& spec, HostWeights weights);
std::map<std::string, Tensor> to_tensors(Device& device, const Network& network);

/// A network with the weights of `file`. Throws Error (model) naming the tensor that is missing, left over or of
/// another shape; `source` names the file in messages. Local.
Network network_from_tensors(Device& device, const NetworkSpec& spec, const TensorFile& file, std::string_view source);

}  // namespace sibp
