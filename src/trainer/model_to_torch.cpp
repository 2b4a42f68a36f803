// A model as a Python module that makes an nn.Sequential, and its state_dict.
#include "sibp/trainer/model_export.hpp"

#include "trainer/exported_layers.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

constexpr std::string_view normalise_class =
    "class Normalise(nn.Module):\n"
    "    def __init__(self, shift, scale):\n"
    "        super().__init__()\n"
    "        self.register_buffer(\"shift\", torch.zeros(shift))\n"
    "        self.register_buffer(\"scale\", torch.ones(scale))\n"
    "\n"
    "    def forward(self, pixels):\n"
    "        return (pixels - self.shift) * self.scale\n";

class TorchWriter {
 public:
  TorchWriter(const Model& model, std::string_view source)
      : spec_(model.spec),
        range_(model.normalisation.type == FeatureType::byte ? "from 0 to 255" : "as in the training data"),
        layers_(exported_layers(model, source)),
        dominators_{0} {
    for (const Node& node : spec_.nodes) dominators_.push_back(common(node.inputs));
    ExportedNormalisation normalisation = exported_normalisation(model);
    const auto tuple = [](const Tensor& tensor) { return fmt::format("({},)", fmt::join(tensor.shape, ", ")); };
    std::string expression = fmt::format("Normalise({}, {})", tuple(normalisation.shift), tuple(normalisation.scale));
    add({.expression = std::move(expression),
         .state = {{"shift", std::move(normalisation.shift)}, {"scale", std::move(normalisation.scale)}},
         .definition = std::string(normalise_class)},
        "", network_);
    append(0, spec_.nodes.size(), "", network_);
  }

  TorchFiles files() { return {module_text(), to_safetensors({std::move(state_), {{"format", "pt"}}})}; }

 private:
  using Expressions = std::vector<std::string>;

  /// The last tensor that all ways to these tensors lead through.
  [[nodiscard]] std::size_t common(std::vector<std::size_t> tensors) const {
    while (true) {
      const auto latest = std::ranges::max_element(tensors);
      if (std::ranges::all_of(tensors, [&](std::size_t tensor) { return tensor == *latest; })) return *latest;
      *latest = dominators_[*latest];
    }
  }

  /// Adds a module to a sequence, with its state under the names that the sequence gives it.
  void add(TorchModule module, const std::string& prefix, Expressions& sequence) {
    for (auto& [name, tensor] : module.state)
      state_[fmt::format("{}{}.{}", prefix, sequence.size(), name)] = std::move(tensor);
    if (!module.definition.empty() && std::ranges::find(definitions_, module.definition) == definitions_.end())
      definitions_.push_back(module.definition);
    sequence.push_back(std::move(module.expression));
  }

  /// Appends the modules that make tensor `to` of tensor `from`.
  void append(std::size_t from, std::size_t to, const std::string& prefix, Expressions& sequence) {
    if (to == from) return;
    append(from, dominators_[to], prefix, sequence);
    const std::size_t node = to - 1;
    const LayerSpec& layer = *spec_.nodes[node].layer;
    const ExportedLayer& exported = layers_[node];
    if (layer.has_window() && is_vector(exported.input))
      add({.expression = fmt::format("nn.Unflatten(1, ({}, 1, 1))", exported.input.channels)}, prefix, sequence);
    std::vector<TorchModule> modules = layer.to_torch(exported);
    if (spec_.nodes[node].inputs.size() > 1)
      modules.front().expression += branches(node, fmt::format("{}{}.", prefix, sequence.size()));
    for (TorchModule& module : modules) add(std::move(module), prefix, sequence);
    if (layer.has_window() && is_vector(layer.output())) add({.expression = "nn.Flatten()"}, prefix, sequence);
  }

  /// The list of modules that make each input of a node, as an argument.
  std::string branches(std::size_t node, const std::string& prefix) {
    Expressions all;
    for (const std::size_t input : spec_.nodes[node].inputs) {
      Expressions branch;
      append(dominators_[node + 1], input, fmt::format("{}{}.", prefix, all.size()), branch);
      all.push_back(branch.empty() ? "nn.Identity()" : call("nn.Sequential", branch));
    }
    return "(" + call("", all, '[', ']') + ")";
  }

  static std::string indented(std::string_view text) {
    std::string result = "    ";
    for (const char c : text) {
      result += c;
      if (c == '\n') result += "    ";
    }
    return result;
  }

  static std::string call(std::string_view name, const Expressions& arguments, char open = '(', char close = ')') {
    std::string text = fmt::format("{}{}\n", name, open);
    for (const std::string& argument : arguments) text += indented(argument) + ",\n";
    return text + close;
  }

  [[nodiscard]] std::string module_text() const {
    const TensorShape& in = spec_.input;
    const std::string pixels = is_vector(in) ? fmt::format("N x {}", in.channels)
                                             : fmt::format("N x {} x {} x {}", in.channels, in.height, in.width);
    return fmt::format(R"("""The network {}, made by sibp_dist {}, for PyTorch.

    logits = load()(pixels)  # N x {}
    probabilities = logits.softmax(1)

pixels are float32 {}, {}. The weights are in the file beside this one.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


{}

def load(weights=Path(__file__).with_suffix(".safetensors")):
    """The nn.Sequential with its weights, for evaluation."""
    network = {}
    network.load_state_dict(load_file(weights))
    return network.eval()
)",
                       short_name(spec_), SIBP_VERSION, spec_.outputs(), range_, pixels,
                       fmt::join(definitions_, "\n\n"), indented(call("nn.Sequential", network_)).substr(4));
  }

  const NetworkSpec& spec_;
  std::string_view range_;  ///< of the values of pixels
  std::vector<ExportedLayer> layers_;
  std::vector<std::size_t> dominators_;  ///< by tensor
  Expressions network_;
  std::map<std::string, Tensor> state_;
  std::vector<std::string> definitions_;
};

}  // namespace

TorchFiles model_to_torch(const Model& model, std::string_view source) {
  return TorchWriter(model, source).files();
}

}  // namespace sibp
