#include "sibp/layer/workspace.hpp"

#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

/// The views of a node's parameters, with the number of its layer among those that have some.
struct ParametersOfNode {
  std::vector<MatrixView> views;
  std::size_t layer = 0;
};

ParametersOfNode parameters_of(Network& network, std::size_t node) {
  ParametersOfNode found;
  for (Parameter& parameter : network.parameters) {
    if (parameter.node != node) continue;
    found.views.push_back(parameter.matrix.view());
    found.layer = parameter.layer;
  }
  return found;
}

}  // namespace

Workspace::Workspace(Device& device, const Communicator& communicator, Network& network, Index capacity)
    : spec_(network.spec),
      communicator_(std::make_unique<Communicator>(communicator)),
      columns_(std::make_unique<Scratch>(device)),
      carried_(std::make_unique<Scratch>(device)),
      store_(std::make_unique<ActivationStore>(device, spec_, capacity)) {
  std::size_t maps = 0;
  std::size_t scales = 0;
  for (std::size_t node = 0; node < spec_.nodes.size(); ++node) {
    const Node& spec = spec_.nodes[node];
    ParametersOfNode parameters = parameters_of(network, node);
    const bool is_map = spec.layer->map().has_value();
    layers_.push_back(spec.layer->make({.device = device,
                                        .communicator = *communicator_,
                                        .store = *store_,
                                        .columns = *columns_,
                                        .carried = *carried_,
                                        .node = node,
                                        .inputs = spec.inputs,
                                        .parameters = std::move(parameters.views),
                                        .index = is_map ? maps : scales,
                                        .name = fmt::format("layer {}", parameters.layer + 1)}));
    if (is_map) ++maps;
    if (layers_.back()->scales() != nullptr) ++scales;
  }
}

void Workspace::evaluate() {
  for (const auto& layer : layers_) layer->forward(Pass::evaluation);
}

}  // namespace sibp
