#include "layer/activation_export.hpp"

#include <numbers>

#include <fmt/format.h>

namespace sibp {
namespace {

/// x Φ(x), Φ the normal distribution: opset 17 has no operator of it.
std::string gelu_to_onnx(OnnxGraph& graph, const std::string& input, const std::string& name) {
  const auto number = [&](const char* what, double value) {
    return graph.constant(fmt::format("{}.{}", name, what), Tensor{{}, {static_cast<Real>(value)}});
  };
  const std::string erf =
      graph.add("Erf", {graph.add("Mul", {input, number("root_of_half", 1 / std::numbers::sqrt2)})});
  const std::string distribution = graph.add("Mul", {graph.add("Add", {erf, number("one", 1)}), number("half", 0.5)});
  return graph.add("Mul", {input, distribution});
}

/// PyTorch's module; empty for the identity.
std::string torch_name(Activation activation) {
  switch (activation) {
    case Activation::identity:
      return "";
    case Activation::relu:
      return "nn.ReLU()";
    case Activation::leaky_relu:
      return fmt::format("nn.LeakyReLU({})", leaky_relu_slope);
    case Activation::tanh:
      return "nn.Tanh()";
    case Activation::sigmoid:
      return "nn.Sigmoid()";
    case Activation::gelu:
      return "nn.GELU()";
  }
  return "";
}

}  // namespace

std::string activation_to_onnx(Activation activation, OnnxGraph& graph, const std::string& input,
                               const std::string& name) {
  switch (activation) {
    case Activation::identity:
      return input;
    case Activation::relu:
      return graph.add("Relu", {input});
    case Activation::leaky_relu:
      return graph.add("LeakyRelu", {input}, {{"alpha", leaky_relu_slope}});
    case Activation::tanh:
      return graph.add("Tanh", {input});
    case Activation::sigmoid:
      return graph.add("Sigmoid", {input});
    case Activation::gelu:
      return gelu_to_onnx(graph, input, name);
  }
  return input;
}

std::vector<TorchModule> followed_by(std::vector<TorchModule> modules, Activation activation) {
  if (std::string name = torch_name(activation); !name.empty()) modules.push_back({.expression = std::move(name)});
  return modules;
}

}  // namespace sibp
