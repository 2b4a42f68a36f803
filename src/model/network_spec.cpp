#include "sibp/model/network_spec.hpp"

#include "sibp/core/error.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr std::array activation_names{std::pair{Activation::identity, std::string_view("identity")},
                                      std::pair{Activation::relu, std::string_view("relu")},
                                      std::pair{Activation::leaky_relu, std::string_view("leaky-relu")},
                                      std::pair{Activation::tanh, std::string_view("tanh")},
                                      std::pair{Activation::sigmoid, std::string_view("sigmoid")}};

constexpr std::array loss_names{std::pair{Loss::softmax_cross_entropy, std::string_view("softmax-cross-entropy")},
                                std::pair{Loss::squared_error, std::string_view("mean-squared-error")}};

/// Wide enough for any network in use, and small enough that sizes never overflow.
constexpr Index largest_width = 10'000'000;

/// Deeper than any network in use; text of a megabyte could ask for gigabytes of layers.
constexpr Index largest_depth = 1000;

void check_depth(const NetworkSpec& spec, std::string_view option) {
  if (std::ssize(spec.layers) >= largest_depth)
    throw_usage_error(fmt::format("{}: found more than {} layers, expected at most as many", option, largest_depth));
}

std::optional<Index> parse_width(std::string_view text) {
  Index width = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
  if (error != std::errc() || end != text.data() + text.size() || width < 1 || width > largest_width)
    return std::nullopt;
  return width;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

[[noreturn]] void throw_layer_error(std::string_view layer, std::string_view reason) {
  throw_usage_error(
      fmt::format("--network: in layer '{}': {}; write layers as dense(outputs) or dense(outputs,activation), "
                  "for example \"dense(500,relu) dense(10)\"",
                  layer, reason));
}

/// One layer, "dense(500,relu)"; an activation that is not named is absent.
std::pair<Index, std::optional<Activation>> parse_layer(std::string_view layer) {
  const auto open = layer.find('(');
  if (open == std::string_view::npos || layer.back() != ')') throw_layer_error(layer, "expected name(arguments)");
  if (const auto name = trimmed(layer.substr(0, open)); name != "dense")
    throw_layer_error(layer, fmt::format("unknown kind of layer '{}'", name));
  const auto arguments = layer.substr(open + 1, layer.size() - open - 2);
  const auto comma = arguments.find(',');
  const auto width = parse_width(trimmed(arguments.substr(0, comma)));
  if (!width) throw_layer_error(layer, fmt::format("the number of outputs must be 1 to {}", largest_width));
  if (comma == std::string_view::npos) return {*width, std::nullopt};
  const auto name = trimmed(arguments.substr(comma + 1));
  for (const auto& [activation, known] : activation_names)
    if (name == known) return {*width, activation};
  throw_layer_error(layer, fmt::format("unknown activation '{}'", name));
}

/// The pieces of `text` that end with ')', without the blanks around them.
std::vector<std::string_view> split_layers(std::string_view text) {
  std::vector<std::string_view> layers;
  while (!(text = trimmed(text)).empty()) {
    const auto close = text.find(')');
    const auto length = close == std::string_view::npos ? text.size() : close + 1;
    layers.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return layers;
}

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
  throw_usage_error(fmt::format("--loss is '{}', expected one of {}", name, joined(loss_names)));
}

std::string_view name_of(Loss loss) {
  return loss_names.at(static_cast<std::size_t>(loss)).second;
}

std::string_view name_of(Activation activation) {
  return activation_names.at(static_cast<std::size_t>(activation)).second;
}

Index NetworkSpec::parameters() const {
  Index total = 0;
  for (const LayerSpec& layer : layers) total += layer.parameters();
  return total;
}

NetworkSpec parse_network(std::string_view text, Index inputs, Loss loss, Activation hidden_activation) {
  const auto pieces = split_layers(text);
  if (pieces.empty())
    throw_usage_error("--network is empty; the last layer at least is needed, for example \"dense(10)\"");
  NetworkSpec spec;
  spec.loss = loss;
  for (const auto& piece : pieces) {
    const bool last = &piece == &pieces.back();
    check_depth(spec, "--network");
    const auto [outputs, activation] = parse_layer(piece);
    if (last && activation.value_or(Activation::identity) != Activation::identity)
      throw_layer_error(piece, "the last layer must be linear, the loss is taken of its pre-activations");
    spec.layers.push_back({inputs, outputs, activation.value_or(last ? Activation::identity : hidden_activation)});
    inputs = outputs;
  }
  return spec;
}

NetworkSpec network_from_widths(std::string_view hidden, Index inputs, Index classes, Loss loss,
                                Activation hidden_activation) {
  NetworkSpec spec;
  spec.loss = loss;
  std::string_view rest = trimmed(hidden);
  while (!rest.empty()) {
    check_depth(spec, "--hidden");
    const auto comma = rest.find(',');
    const auto width = parse_width(trimmed(rest.substr(0, comma)));
    if (!width || (comma != std::string_view::npos && comma + 1 == rest.size()))
      throw_usage_error(
          fmt::format("--hidden is '{}', expected widths from 1 to {} separated by commas, for example "
                      "4000,1000,4000",
                      hidden, largest_width));
    spec.layers.push_back({inputs, *width, hidden_activation});
    inputs = *width;
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  spec.layers.push_back({inputs, classes, Activation::identity});
  return spec;
}

std::string to_text(const NetworkSpec& spec) {
  std::string text;
  for (const LayerSpec& layer : spec.layers)
    text += fmt::format("{}dense({},{})", text.empty() ? "" : " ", layer.outputs, name_of(layer.activation));
  return text;
}

std::string short_name(const NetworkSpec& spec) {
  std::string name = fmt::to_string(spec.inputs());
  for (const LayerSpec& layer : spec.layers) name += fmt::format("-{}", layer.outputs);
  return name;
}

}  // namespace sibp
