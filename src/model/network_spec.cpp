#include "sibp/model/network_spec.hpp"

#include "sibp/core/error.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr std::array activation_names{std::pair{Activation::identity, std::string_view("identity")},
                                      std::pair{Activation::relu, std::string_view("relu")},
                                      std::pair{Activation::leaky_relu, std::string_view("leaky-relu")},
                                      std::pair{Activation::tanh, std::string_view("tanh")},
                                      std::pair{Activation::sigmoid, std::string_view("sigmoid")},
                                      std::pair{Activation::gelu, std::string_view("gelu")}};

constexpr std::array loss_names{std::pair{Loss::softmax_cross_entropy, std::string_view("softmax-cross-entropy")},
                                std::pair{Loss::squared_error, std::string_view("mean-squared-error")}};

template <class Names>
std::string joined(const Names& names) {
  std::string text;
  for (const auto& entry : names) text += (text.empty() ? "" : ", ") + std::string(entry.second);
  return text;
}

}  // namespace

Loss loss_from_name(std::string_view name) {
  for (const auto& [loss, known] : loss_names)
    if (name == known) return loss;
  throw_usage_error(fmt::format("`loss` is '{}', expected one of {}", name, joined(loss_names)));
}

std::string_view name_of(Loss loss) {
  return loss_names.at(static_cast<std::size_t>(loss)).second;
}

std::string_view name_of(Activation activation) {
  return activation_names.at(static_cast<std::size_t>(activation)).second;
}

std::optional<Activation> activation_from_name(std::string_view name) {
  for (const auto& [activation, known] : activation_names)
    if (name == known) return activation;
  return std::nullopt;
}

std::vector<ScaleShape> NetworkSpec::scales() const {
  std::vector<ScaleShape> shapes;
  for (const Node& node : nodes)
    for (const ParameterSpec& parameter : node.layer->parameters())
      if (parameter.role == ParameterRole::scales) shapes.push_back({parameter.rows, parameter.cols});
  return shapes;
}

Index NetworkSpec::parameters() const {
  Index total = 0;
  for (const Node& node : nodes)
    for (const ParameterSpec& parameter : node.layer->parameters())
      if (parameter.role != ParameterRole::statistics) total += parameter.size();
  return total;
}

std::string short_name(const NetworkSpec& spec) {
  const bool reads_all = spec.maps.front().inputs == spec.inputs();
  std::string name = reads_all ? fmt::to_string(spec.inputs())
                               : fmt::format("{}x{}x{}", spec.input.height, spec.input.width, spec.input.channels);
  for (const Node& node : spec.nodes)
    if (const std::string part = node.layer->short_text(); !part.empty()) name += "-" + part;
  return name;
}

}  // namespace sibp
