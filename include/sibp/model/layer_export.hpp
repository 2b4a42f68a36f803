#pragma once

#include "sibp/device/tensor_shape.hpp"
#include "sibp/model/safetensors.hpp"

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace sibp {

// How other programs see a batch: a picture has N × channels × height × width there, channels slowest; a sample of one
// pixel is a vector, N × channels.

/// Whether samples of this shape are vectors for other programs.
inline bool is_vector(const TensorShape& shape) {
  return shape.pixels() == 1;
}

/// A layer for other programs.
struct ExportedLayer {
  std::string name;                          ///< "layers.3"
  TensorShape input;                         ///< of its first input
  std::map<std::string, Tensor> parameters;  ///< "weight" and the like, as in the files of models
};

/// "weight" and the like of a layer. Throws std::out_of_range.
inline const Tensor& parameter_of(const ExportedLayer& layer, const std::string& name) {
  return layer.parameters.at(name);
}

using OnnxAttribute = std::variant<Index, double, std::vector<Index>>;

/// The graph of a network in the terms of ONNX (opset 17), as a layer adds to it.
class OnnxGraph {
 public:
  OnnxGraph() = default;
  OnnxGraph(const OnnxGraph&) = delete;
  OnnxGraph& operator=(const OnnxGraph&) = delete;
  virtual ~OnnxGraph() = default;

  /// Adds an operator of one output, whose name it returns.
  virtual std::string add(const std::string& operation, const std::vector<std::string>& inputs,
                          const std::map<std::string, OnnxAttribute>& attributes = {}) = 0;
  /// Adds a constant of that name; returns the name.
  virtual std::string constant(const std::string& name, const Tensor& tensor) = 0;
  virtual std::string constant(const std::string& name, const std::vector<Index>& integers) = 0;
};

/// A module of PyTorch.
struct TorchModule {
  std::string expression;  ///< "nn.Conv2d(3, 16, 3)"; of a layer of several inputs the name of an nn.ModuleList
  std::map<std::string, Tensor> state{};  ///< its part of the state_dict
  std::string definition{};               ///< of its class, where PyTorch has none
};

}  // namespace sibp
