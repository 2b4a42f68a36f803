// The options of the data and of the network.

#include "sibp/data/dataset_kinds.hpp"
#include "sibp/model/initialisation.hpp"

#include "app/cli/networks.hpp"
#include "app/cli/option_bindings.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr std::string_view data_group = "Data";
constexpr std::string_view network_group = "Network (train, plan)";

std::string_view dataset_help() {
  static const std::string text = dataset_kinds_in_words();
  return text;
}

Binding dataset_binding() {
  Names<std::string> names;
  for (const DatasetKind* kind : dataset_kinds()) names.emplace_back(kind->name, kind->name);
  return choice(
      [](auto& o) -> auto& { return o.data.dataset; }, names);
}

/// The seed of the training is that of a synthetic data set as well.
Binding seed_binding() {
  Binding binding = integer(
      [](auto& o) -> auto& { return o.training.seed; }, 0);
  binding.set = [set = binding.set](Options& options, const std::string& text) {
    set(options, text);
    options.data.seed = options.training.seed;
  };
  return binding;
}

Binding augmentation_binding() {
  const auto set = [](Options& options, const std::string& text) {
    const auto augmentation = augmentation_from_text(text);
    if (!augmentation) throw Unexpected{"none or a list such as flip,translate:2,cutout:8"};
    options.training.augmentation = *augmentation;
  };
  return {set, [](const Options& options) { return std::optional(to_text(options.training.augmentation)); }};
}

const std::string& starts_in_words() {
  static const std::string text = fmt::format("{}, or a file of weights", initialisation_texts);
  return text;
}

std::string_view initialisation_help() {
  static const std::string text = fmt::format(
      "start of the weights: {}; identity is he, but the first kernels of a convolution pass a channel on each",
      starts_in_words());
  return text;
}

/// Names of starts are checked here; whether a file of weights exists shows when it is read.
Binding initialisation_binding() {
  const auto member = [](auto& o) -> auto& {
    return o.initialisation;
  };
  Binding binding = text(member, starts_in_words());
  binding.set = [set = binding.set](Options& options, const std::string& given) {
    if (given.starts_with("normal:") && !initialisation_from_text(given)) throw Unexpected{starts_in_words()};
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

void append_data_options(OptionTable& table) {
  table.push_back({.name = "dataset",
                   .group = data_group,
                   .value_name = "NAME",
                   .help = dataset_help(),
                   .binding = dataset_binding(),
                   .commands = data_commands});
  table.push_back({.name = "data-dir",
                   .group = data_group,
                   .value_name = "PATH",
                   .help = "folder of the data files, or the file",
                   .binding = text(
                       [](auto& o) -> auto& { return o.data.data_dir; }, "a folder or file"),
                   .commands = data_commands,
                   .without_default = "where the system's package puts them",
                   .on_resume = OnResume::free});
  table.push_back(
      {.name = "normalize",
       .group = data_group,
       .value_name = "KIND",
       .help =
           "none, mean or standard: what is done to each feature, or channel: the same as standard for each channel "
           "over all pixels; a trained model knows its own",
       .binding = choice_of([](auto& o) -> auto& { return o.normalisation; },
                            {NormalisationKind::none, NormalisationKind::mean, NormalisationKind::standard,
                             NormalisationKind::channel})});
  table.push_back(
      {.name = "augment",
       .group = data_group,
       .value_name = "LIST",
       .help = "changes of the pictures in training batches, drawn by --seed, epoch and sample: any of flip (or "
               "flip:alternating: the other way in every epoch), translate:PIXELS and cutout:PIXELS, with "
               "commas between",
       .binding = augmentation_binding()});
  table.push_back({.name = "validation",
                   .group = data_group,
                   .value_name = "N",
                   .help = "training samples held out for validation",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.validation; }, 0),
                   .commands = sample_commands});
  table.push_back({.name = "logical-shards",
                   .group = data_group,
                   .value_name = "V",
                   .help = "parts that the samples are dealt to; at least the number of ranks",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.logical_shards; }, 1),
                   .commands = sample_commands});
  table.push_back({.name = "seed",
                   .group = data_group,
                   .value_name = "N",
                   .help = "seed of the weights' start, the order of samples, the samples held out and synthetic data",
                   .binding = seed_binding(),
                   .commands = sample_commands});
}

/// The files of --dataset idx and the sizes of --dataset synthetic.
void append_own_data_options(OptionTable& table) {
  const auto file = [&](std::string_view name, std::string_view help, auto member) {
    table.push_back({.name = name,
                     .group = data_group,
                     .value_name = "FILE",
                     .help = help,
                     .binding = text(member, "a file"),
                     .commands = data_commands,
                     .dataset = "idx",
                     .without_default = "none",
                     .on_resume = OnResume::free});
  };
  file(
      "train-images", "idx: training images, in --data-dir if that is given",
      [](auto& o) -> auto& { return o.data.train_images; });
  file(
      "train-labels", "idx: their labels", [](auto& o) -> auto& { return o.data.train_labels; });
  file(
      "test-images", "idx: test images", [](auto& o) -> auto& { return o.data.test_images; });
  file(
      "test-labels", "idx: their labels", [](auto& o) -> auto& { return o.data.test_labels; });
  const auto size = [&](std::string_view name, std::string_view help, Index least, Index most, auto member) {
    table.push_back({.name = name,
                     .group = data_group,
                     .value_name = "N",
                     .help = help,
                     .binding = integer(member, least, most),
                     .commands = data_commands,
                     .dataset = "synthetic"});
  };
  constexpr Index many = 1'000'000'000;
  size(
      "synthetic-samples", "synthetic: training samples; a fifth as many for the test", 1, many,
      [](auto& o) -> auto& { return o.data.synthetic_samples; });
  table.push_back({.name = "synthetic-features",
                   .group = data_group,
                   .value_name = "N",
                   .help = "synthetic: bytes of a sample",
                   .binding = unless([](const Options& o) { return o.data.synthetic_shape.has_value(); },
                                     integer(
                                         [](auto& o) -> auto& { return o.data.synthetic_features; }, 1, many)),
                   .commands = data_commands,
                   .dataset = "synthetic",
                   .excludes = "synthetic-shape"});
  table.push_back({.name = "synthetic-shape",
                   .group = data_group,
                   .value_name = "SHAPE",
                   .help = "synthetic: pictures of HEIGHTxWIDTHxCHANNELS, for example 8x8x3",
                   .binding = shape([](auto& o) -> auto& { return o.data.synthetic_shape; }),
                   .commands = data_commands,
                   .dataset = "synthetic",
                   .without_default = "from --synthetic-features",
                   .excludes = "synthetic-features"});
  size(
      "synthetic-classes", "synthetic: classes", 1, 10'000, [](auto& o) -> auto& { return o.data.synthetic_classes; });
}

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
  table.push_back(
      {.name = "activation",
       .group = network_group,
       .value_name = "NAME",
       .help = "activation of hidden layers that name none: relu, leaky-relu, tanh, sigmoid, gelu or identity",
       .binding = choice_of([](auto& o) -> auto& { return o.activation; },
                            {Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::sigmoid,
                             Activation::gelu, Activation::identity}),
       .commands = network_commands});
  table.push_back({.name = "loss",
                   .group = network_group,
                   .value_name = "NAME",
                   .help = "softmax-cross-entropy or mean-squared-error",
                   .binding = choice_of([](auto& o) -> auto& { return o.loss; },
                                        {Loss::softmax_cross_entropy, Loss::squared_error}),
                   .commands = network_commands});
  table.push_back({.name = "label-smoothing",
                   .group = network_group,
                   .value_name = "SHARE",
                   .help = "share of a target that softmax-cross-entropy spreads over all classes in training",
                   .binding = fraction([](auto& o) -> auto& { return o.training.label_smoothing; })});
  table.push_back({.name = "init",
                   .group = network_group,
                   .value_name = "START",
                   .help = initialisation_help(),
                   .binding = initialisation_binding(),
                   .on_resume = OnResume::free});
}

}  // namespace sibp
