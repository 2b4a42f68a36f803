// The options of the network and of its training.

#include "app/networks.hpp"
#include "app/option_bindings.hpp"

namespace sibp {
namespace {

constexpr std::string_view network_group = "Network (train, plan)";
constexpr std::string_view length_group = "Length and records (train)";

/// Names of starts are checked here; whether a file of weights exists shows when it is read.
Binding initialisation_binding() {
  const auto member = [](auto& o) -> auto& {
    return o.initialisation;
  };
  Binding binding = text(member, "he, glorot, normal:SIGMA or a file of weights");
  binding.set = [set = binding.set](Options& options, const std::string& given) {
    if (given.starts_with("normal:") && !parse_positive(given.substr(7))) {
      throw Unexpected{"normal:SIGMA with a number above 0"};
    }
    set(options, given);
  };
  return binding;
}

/// Layers, or the name of a network, which stands for its layers from here on: config.ini has these.
Binding network_binding() {
  Binding binding = text(
      [](auto& o) -> auto& { return o.network; }, "layers, or the name of a network");
  binding.set = [set = binding.set](Options& options, const std::string& given) {
    set(options, std::string(layers_of_network(given).value_or(given)));
  };
  return binding;
}

std::string_view network_help() {
  static const std::string help = [] {
    std::vector<std::string_view> names;
    for (const NamedNetwork& network : named_networks()) names.push_back(network.name);
    return fmt::format(
        "the whole network instead of --hidden: layers, for example \"dense(500,relu) dense(10)\", or {}",
        fmt::join(names, ", "));
  }();
  return help;
}

}  // namespace

void append_network_options(OptionTable& table) {
  table.push_back({.name = "hidden",
                   .group = network_group,
                   .value_name = "WIDTHS",
                   .help = "widths of the hidden layers, for example 4000,1000,4000",
                   .binding = unless([](const Options& o) { return !o.network.empty(); },
                                     any_text([](auto& o) -> auto& { return o.hidden; })),
                   .commands = network_commands,
                   .excludes = "network"});
  table.push_back({.name = "network",
                   .group = network_group,
                   .value_name = "LAYERS",
                   .help = network_help(),
                   .binding = network_binding(),
                   .commands = network_commands,
                   .without_default = "from --hidden",
                   .excludes = "hidden"});
  table.push_back({.name = "activation",
                   .group = network_group,
                   .value_name = "NAME",
                   .help = "of hidden layers that name none: relu, leaky-relu, tanh, sigmoid, gelu or identity",
                   .binding = choice_of([](auto& o) -> auto& { return o.activation; },
                                        {Activation::relu, Activation::leaky_relu, Activation::tanh,
                                         Activation::sigmoid, Activation::gelu, Activation::identity}),
                   .commands = network_commands});
  table.push_back({.name = "loss",
                   .group = network_group,
                   .value_name = "NAME",
                   .help = "softmax-cross-entropy or mean-squared-error",
                   .binding = choice_of([](auto& o) -> auto& { return o.loss; },
                                        {Loss::softmax_cross_entropy, Loss::squared_error}),
                   .commands = network_commands});
  table.push_back(
      {.name = "label-smoothing",
       .group = network_group,
       .value_name = "SHARE",
       .help = "of softmax-cross-entropy in training: the share of a target that is spread over all classes",
       .binding = fraction([](auto& o) -> auto& { return o.training.label_smoothing; })});
  table.push_back({.name = "init",
                   .group = network_group,
                   .value_name = "START",
                   .help = "start of the weights: he, glorot, normal:SIGMA or a file of weights",
                   .binding = initialisation_binding(),
                   .on_resume = OnResume::free});
}

void append_length_options(OptionTable& table) {
  table.push_back({.name = "batch",
                   .group = length_group,
                   .value_name = "M",
                   .help = "samples of a step over all ranks",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.batch; }, 1),
                   .commands = network_commands});
  table.push_back({.name = "batch-list",
                   .group = length_group,
                   .value_name = "FILE",
                   .help =
                       "the samples of every step: rows of --batch indices from 0, little-endian int32; its rows are "
                       "the steps unless --steps is fewer",
                   .binding = text(
                       [](auto& o) -> auto& { return o.training.batch_list; }, "a file"),
                   .without_default = "none: the order of --seed"});
  table.push_back(
      {.name = "epochs",
       .group = length_group,
       .value_name = "N",
       .help = "passes over the training samples",
       .binding = unless([](const Options& o) { return o.training.steps || !o.training.batch_list.empty(); },
                         integer(
                             [](auto& o) -> auto& { return o.training.epochs; }, 1, 1'000'000'000)),
       .excludes = "steps",
       .on_resume = OnResume::free});
  table.push_back({.name = "steps",
                   .group = length_group,
                   .value_name = "N",
                   .help = "updates, instead of --epochs",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.steps; }, 1),
                   .without_default = "from --epochs",
                   .excludes = "epochs",
                   .on_resume = OnResume::free});
  table.push_back({.name = "log-every",
                   .group = length_group,
                   .value_name = "N",
                   .help = "steps between records of the training loss; 0: only at evaluations",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.log_every; }, 0),
                   .on_resume = OnResume::free});
  table.push_back({.name = "evaluate-every",
                   .group = length_group,
                   .value_name = "N",
                   .help = "steps between evaluations; 0: once an epoch",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.evaluate_every; }, 0),
                   .on_resume = OnResume::free});
  table.push_back({.name = "training-sample",
                   .group = length_group,
                   .value_name = "N",
                   .help = "training samples, drawn by --seed, whose loss with the present weights every record has, "
                           "beside the mean over batches; 0: none",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.training_sample; }, 0),
                   .on_resume = OnResume::free});
}

}  // namespace sibp
