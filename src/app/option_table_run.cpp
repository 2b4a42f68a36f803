// The options of trained models and of how the program runs.

#include "app/option_bindings.hpp"

namespace sibp {
namespace {

constexpr std::string_view model_group = "Trained model (evaluate, predict, export)";
constexpr std::string_view run_group = "Run";

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
                   .commands = "evaluate predict"});
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
       .commands = "evaluate"});
  table.push_back({.name = "predictions",
                   .group = model_group,
                   .value_name = "FILE",
                   .help = "CSV file for the classes and probabilities that predict finds",
                   .binding = text(
                       [](auto& o) -> auto& { return o.predictions; }, "a file"),
                   .place = Place::unsaved,
                   .commands = "predict",
                   .without_default = "standard output"});
  table.push_back({.name = "to",
                   .group = model_group,
                   .value_name = "FORMAT",
                   .help = "what export writes: onnx, or torch, a Python module and its weights",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.to; },
                       Names<ExportFormat>{{"onnx", ExportFormat::onnx}, {"torch", ExportFormat::torch}}),
                   .place = Place::unsaved,
                   .commands = "export",
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
                   .commands = "train export",
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
       .help = "of matrix products on a GPU: fp32, or tf32 (faster, 11 significant bits)",
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
                       "not with --method published or the forms dual and dual-split",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.reproducible; }, Names<bool>{{"on", true}, {"off", false}}),
                   .without_value = "on"});
  table.push_back(
      {.name = "progress",
       .group = run_group,
       .value_name = "MODE",
       .help = "of train and watch: bar, lines, none or auto (bar on a terminal, lines elsewhere and under a launcher)",
       .binding = choice(
           [](auto& o) -> auto& { return o.progress; },
           Names<ProgressMode>{{"auto", ProgressMode::automatic},
                               {"bar", ProgressMode::bar},
                               {"lines", ProgressMode::lines},
                               {"none", ProgressMode::none}}),
       .place = Place::unsaved,
       .commands = "train watch"});
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

}  // namespace sibp
