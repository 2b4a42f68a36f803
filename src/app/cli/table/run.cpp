// The options of trained models, of the machine that plan looks at, and of how the program runs.

#include "app/cli/option_bindings.hpp"

#include <algorithm>

namespace sibp {
namespace {

constexpr std::string_view model_group = "Trained model (evaluate, predict, export)";
constexpr std::string_view run_group = "Run";
constexpr std::string_view plan_group = "Other machines (plan)";
constexpr Commands plan_command{Command::plan};

/// Whole numbers with commas between.
Binding nodes_binding() {
  const auto set = [](Options& options, const std::string& text) {
    options.plan.nodes.clear();
    for (std::size_t first = 0; first <= text.size();) {
      const std::size_t comma = std::min(text.find(',', first), text.size());
      const auto nodes = parse_number<Index>(std::string_view(text).substr(first, comma - first));
      if (!nodes || *nodes < 1 || *nodes > 1'000'000) {
        throw Unexpected{"numbers of nodes from 1 to 1000000 with commas between, for example 1,2,4"};
      }
      options.plan.nodes.push_back(*nodes);
      first = comma + 1;
    }
  };
  const auto get = [](const Options& options) -> std::optional<std::string> {
    return fmt::format("{}", fmt::join(options.plan.nodes, ","));
  };
  return {set, get};
}

/// Numbers of nodes, doubled as far as the last, and the ranks on each.
Binding topology_binding() {
  const auto set = [](Options& options, const std::string& text) {
    const std::size_t times = text.find('x');
    const auto nodes = parse_number<Index>(std::string_view(text).substr(0, times));
    const auto ranks = times == std::string::npos ? std::nullopt : parse_number<Index>(text.substr(times + 1));
    if (!nodes || !ranks || *nodes < 1 || *nodes > 1'000'000 || *ranks < 1 || *ranks > 1000)
      throw Unexpected{"nodes and ranks on each, NODESxRANKS, for example 128x8"};
    options.plan.nodes.clear();
    for (Index count = 1; count < *nodes; count *= 2) options.plan.nodes.push_back(count);
    options.plan.nodes.push_back(*nodes);
    options.plan.ranks_per_node = *ranks;
  };
  return {set, [](const Options&) -> std::optional<std::string> { return std::nullopt; }};
}

OptionEntry plan_entry(std::string_view name, std::string_view value_name, std::string_view help, Binding binding,
                       std::string_view without_default = "") {
  return {.name = name,
          .group = plan_group,
          .value_name = value_name,
          .help = help,
          .binding = std::move(binding),
          .place = Place::unsaved,
          .commands = plan_command,
          .without_default = without_default};
}

}  // namespace

void append_model_options(OptionTable& table) {
  table.push_back({.name = "model",
                   .group = model_group,
                   .value_name = "FILE",
                   .help = "the model.safetensors of a run",
                   .binding = text(
                       [](auto& o) -> auto& { return o.model; }, "a file"),
                   .place = Place::unsaved,
                   .commands = model_commands,
                   .without_default = "needed"});
  table.push_back({.name = "split",
                   .group = model_group,
                   .value_name = "NAME",
                   .help = "samples to look at: train, validation or test",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.split; },
                       Names<Split>{{"train", Split::train}, {"validation", Split::validation}, {"test", Split::test}}),
                   .place = Place::unsaved,
                   .commands = {Command::evaluate, Command::predict}});
  table.push_back(
      {.name = "views",
       .group = model_group,
       .value_name = "NAME",
       .help =
           "also report the accuracy of mean probabilities over views of each picture: flip (it and its mirror image), "
           "flip+translate (both, and both shifted by a pixel: six) or none",
       .binding =
           choice_of([](auto& o) -> auto& { return o.views; }, {Views::none, Views::flip, Views::flip_translate}),
       .place = Place::unsaved,
       .commands = {Command::evaluate}});
  table.push_back({.name = "predictions",
                   .group = model_group,
                   .value_name = "FILE",
                   .help = "CSV file for the classes and probabilities that predict finds",
                   .binding = text(
                       [](auto& o) -> auto& { return o.predictions; }, "a file"),
                   .place = Place::unsaved,
                   .commands = {Command::predict},
                   .without_default = "standard output"});
  table.push_back({.name = "to",
                   .group = model_group,
                   .value_name = "FORMAT",
                   .help = "what export writes: onnx, or torch, a Python module and its weights",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.to; },
                       Names<ExportFormat>{{"onnx", ExportFormat::onnx}, {"torch", ExportFormat::torch}}),
                   .place = Place::unsaved,
                   .commands = {Command::export_model},
                   .without_default = "needed"});
}

void append_run_options(OptionTable& table) {
  table.push_back(
      {.name = "config",
       .group = run_group,
       .value_name = "FILE",
       .help = "file of options: INI, such as the config.ini that train leaves, or TOML if its name ends in .toml",
       .binding = text(
           [](auto& o) -> auto& { return o.config; }, "a file"),
       .place = Place::outside_file,
       .commands = all_commands,
       .without_default = "none"});
  table.push_back(
      {.name = "preset",
       .group = run_group,
       .value_name = "NAME",
       .help = "data, network, batch and length that have a name: paper-mnist, proxprop-cifar10, fashion-small, "
               "cifar10-small, cifar10-94 or resnet18-cifar10",
       .binding = text(
           [](auto& o) -> auto& { return o.preset; }, "a preset"),
       .place = Place::unsaved,
       .commands = data_commands,
       .without_default = "none"});
  table.push_back({.name = "out",
                   .group = run_group,
                   .value_name = "DIR",
                   .help = "new or empty folder for what train leaves; file that export writes",
                   .binding = text(
                       [](auto& o) -> auto& { return o.out; }, "a folder, or a file of export"),
                   .place = Place::unsaved,
                   .commands = {Command::train, Command::export_model},
                   .without_default = "runs/TIME-DATASET-NETWORK; of export beside the model"});
  table.push_back(
      {.name = "device",
       .group = run_group,
       .value_name = "NAME",
       .help = "cpu, cuda (a GPU for each rank) or auto (cuda where every rank has a GPU of its own)",
       .binding = choice(
           [](auto& o) -> auto& { return o.device; },
           Names<DeviceChoice>{
               {"auto", DeviceChoice::automatic}, {"cpu", DeviceChoice::cpu}, {"cuda", DeviceChoice::cuda}}),
       .commands = all_commands});
  table.push_back(
      {.name = "precision",
       .group = run_group,
       .value_name = "NAME",
       .help = "precision of matrix products on a GPU: fp32, or tf32 (faster, 11 significant bits)",
       .binding = choice_of([](auto& o) -> auto& { return o.precision; }, {Precision::fp32, Precision::tf32}),
       .commands = all_commands});
  table.push_back({.name = "threads",
                   .group = run_group,
                   .value_name = "N",
                   .help = "threads of each rank; 0: its share of the node's cores",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.threads; }, 0, 4096),
                   .commands = all_commands,
                   .on_resume = OnResume::free});
  table.push_back({.name = "reproducible",
                   .group = run_group,
                   .value_name = "on|off",
                   .help =
                       "the same weights bit for bit on any number of ranks and threads, on processors of one type; "
                       "not with --method published or the forms dual, dual-split and low-rank",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.reproducible; }, Names<bool>{{"on", true}, {"off", false}}),
                   .without_value = "on"});
  table.push_back({.name = "progress",
                   .group = run_group,
                   .value_name = "MODE",
                   .help = "how train and watch show progress: bar, lines, none or auto (bar on a terminal, lines "
                           "elsewhere and under a launcher)",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.progress; },
                       Names<ProgressMode>{{"auto", ProgressMode::automatic},
                                           {"bar", ProgressMode::bar},
                                           {"lines", ProgressMode::lines},
                                           {"none", ProgressMode::none}}),
                   .place = Place::unsaved,
                   .commands = {Command::train, Command::watch}});
  table.push_back({.name = "log-level",
                   .group = run_group,
                   .value_name = "LEVEL",
                   .help = "messages shown: trace, debug, info, warning, error or off",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.log_level; },
                       Names<LogLevel>{{"trace", LogLevel::trace},
                                       {"debug", LogLevel::debug},
                                       {"info", LogLevel::info},
                                       {"warning", LogLevel::warning},
                                       {"error", LogLevel::error},
                                       {"off", LogLevel::off}}),
                   .place = Place::unsaved,
                   .commands = all_commands});
  table.push_back({.name = "trace",
                   .group = run_group,
                   .value_name = "FILE",
                   .help = "file for what each rank spends its time on, for Perfetto or chrome://tracing",
                   .binding = text(
                       [](auto& o) -> auto& { return o.trace; }, "a file"),
                   .place = Place::unsaved,
                   .without_default = "none"});
  table.push_back({.name = "describe",
                   .group = run_group,
                   .help = "print the network and what a step of train costs, and end",
                   .binding = flag([](auto& o) -> auto& { return o.describe; }),
                   .place = Place::command_line});
  table.push_back({.name = "help",
                   .group = run_group,
                   .help = "print this and end",
                   .binding = flag([](auto& o) -> auto& { return o.help; }),
                   .place = Place::command_line,
                   .commands = all_commands});
  table.push_back({.name = "version",
                   .group = run_group,
                   .help = "print the version and end",
                   .binding = flag([](auto& o) -> auto& { return o.version; }),
                   .place = Place::command_line,
                   .commands = all_commands});
}

void append_plan_options(OptionTable& table) {
  table.push_back(
      plan_entry("nodes", "LIST", "numbers of nodes; the first is what efficiency is measured by", nodes_binding()));
  table.back().excludes = "topology";
  table.push_back(plan_entry("ranks-per-node", "R", "ranks on each node",
                             integer(
                                 [](auto& o) -> auto& { return o.plan.ranks_per_node; }, 1, 1000)));
  table.push_back(plan_entry("topology", "NODESxRANKS",
                             "1, 2, 4 and so on to so many nodes with so many ranks each, in place of --nodes and "
                             "--ranks-per-node",
                             topology_binding(), "none"));
  table.back().excludes = "nodes";
  table.push_back(plan_entry("node-bandwidth", "RATE", "bytes a second that a rank sends to others on its node",
                             positive([](auto& o) -> auto& { return o.plan.node_bandwidth; }), "that of the link"));
  table.push_back(plan_entry("flops", "RATE", "operations a second of one rank, in products of matrices",
                             positive([](auto& o) -> auto& { return o.plan.flops; }), "measured here"));
  table.push_back(plan_entry("latency", "SECONDS", "time of a message from one rank to another",
                             positive([](auto& o) -> auto& { return o.plan.latency; }),
                             "measured between the ranks here"));
  table.push_back(plan_entry("bandwidth", "RATE", "bytes a second that a node sends while it receives as many",
                             positive([](auto& o) -> auto& { return o.plan.bandwidth; }),
                             "measured between the ranks here"));
  table.push_back(plan_entry("features", "N", "inputs of the network, in place of a data set",
                             integer(
                                 [](auto& o) -> auto& { return o.plan.features; }, 1),
                             "of the data set"));
  table.back().excludes = "shape";
  table.push_back(plan_entry("shape", "SHAPE",
                             "shape of the network's inputs, HEIGHTxWIDTHxCHANNELS, in place of a data set",
                             shape([](auto& o) -> auto& { return o.plan.shape; }), "of the data set"));
  table.back().excludes = "features";
  table.push_back(plan_entry("classes", "N", "outputs of the network, in place of a data set",
                             integer(
                                 [](auto& o) -> auto& { return o.plan.classes; }, 1),
                             "of the data set"));
  table.push_back(plan_entry("json", "FILE", "file for all figures",
                             text(
                                 [](auto& o) -> auto& { return o.plan.json; }, "a file"),
                             "none"));
}

}  // namespace sibp
