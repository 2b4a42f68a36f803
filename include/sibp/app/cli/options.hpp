#pragma once

#include "sibp/comm/sum_options.hpp"
#include "sibp/data/dataset.hpp"
#include "sibp/data/normalisation.hpp"
#include "sibp/device/gpu.hpp"
#include "sibp/model/network_spec.hpp"
#include "sibp/trainer/checkpointer.hpp"
#include "sibp/trainer/evaluation.hpp"
#include "sibp/trainer/training_options.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// What the program is asked to do: the first word of the command line that is no option; train if there is none.
enum class Command { train, evaluate, predict, export_model, plan, checkpoint, watch, doctor, completion, manual };

/// What `checkpoint` does, the word after it.
enum class CheckpointAction { list, verify, show };

/// What `completion` writes a script for.
enum class Shell { bash, zsh, fish };

/// Which samples `evaluate` and `predict` look at.
enum class Split { train, validation, test };

/// What `export` writes a model for.
enum class ExportFormat { onnx, torch };

enum class ProgressMode {
  automatic,  ///< bar on a terminal, lines elsewhere
  bar,        ///< one line, drawn again and again
  lines,      ///< a line now and then
  none,
};

/// What the ranks compute on.
enum class DeviceChoice {
  automatic,  ///< a GPU for each rank where there are as many, the processors otherwise
  cpu,
  cuda,
};

enum class LogLevel { trace, debug, info, warning, error, off };

/// The machine that `plan` looks at.
struct PlanOptions {
  std::vector<Index> nodes{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  Index ranks_per_node = 1;
  std::optional<double> node_bandwidth;  ///< bytes a second between ranks of a node; absent: as over the link
  std::optional<double> latency;         ///< seconds of a message between ranks; absent: calibrated
  std::optional<double> bandwidth;       ///< bytes a second of a node's link; absent: calibrated
  std::optional<double> flops;           ///< a second, of one rank; absent: calibrated
  std::optional<Index> features;         ///< absent: of the shape or the data set
  std::optional<TensorShape> shape;      ///< absent: of the features or the data set
  std::optional<Index> classes;          ///< absent: of the data set
  std::filesystem::path json;            ///< empty: none
};

/// How a training is kept and guarded.
struct GuardOptions {
  CheckpointInterval checkpoint_every{.steps = 0, .seconds = 600};
  Index keep = 3;
  Measure keep_best = Measure::none;
  std::optional<double> max_minutes;
  Index check_every = 50;                             ///< steps
  double stall_timeout = 600;                         ///< seconds
  std::uint64_t large_weights = large_weights_bytes;  ///< that all ranks write; no option, but smaller in tests
};

/// Everything a user can say. src/app/cli/table/ has one entry for each member, with its name, help and limits.
struct Options {
  Command command = Command::train;
  // data
  DatasetOptions data;  ///< its seed is training.seed
  NormalisationKind normalisation = NormalisationKind::mean;
  Index validation = 0;  ///< training samples held out
  // network
  std::string hidden = "500";  ///< widths of the hidden layers; used unless `network` is given
  std::string network;         ///< the whole network in the layer language; empty: `hidden` decides
  Activation activation = Activation::relu;
  Loss loss = Loss::softmax_cross_entropy;
  std::string initialisation = "he";  ///< as initialisation_from_text reads, or a file
  // training
  TrainingOptions training;
  SumOptions sums;
  // model in use (evaluate, predict, export)
  std::filesystem::path model;
  Split split = Split::test;
  Views views = Views::none;
  std::filesystem::path predictions;  ///< empty: standard output
  std::optional<ExportFormat> to;     ///< that `export` needs
  PlanOptions plan;
  // checkpoints
  GuardOptions guard;
  std::string resume;  ///< "auto" or a folder; empty: start anew
  CheckpointAction checkpoint_action = CheckpointAction::list;
  std::filesystem::path checkpoint_folder;  ///< that `checkpoint` looks at
  std::filesystem::path watched;            ///< the folder of the run that `watch` shows
  Shell shell = Shell::bash;                ///< that `completion` is for
  // run
  std::filesystem::path config;  ///< the file that was read; empty: none
  std::string preset;            ///< the protocol whose options hold where no others were given; empty: none
  std::filesystem::path trace;   ///< of train: a file of what each rank spends its time on; empty: none
  std::filesystem::path out;     ///< of train, empty: a new folder under runs/; of export, empty: beside the model
  DeviceChoice device = DeviceChoice::automatic;
  Precision precision = Precision::fp32;  ///< of products on a GPU
  int threads = 0;                        ///< of each rank; 0: its share of the node's cores
  bool reproducible = false;              ///< the same weight bits for any ranks and threads
  ProgressMode progress = ProgressMode::automatic;
  LogLevel log_level = LogLevel::info;
  bool has_launcher = false;   ///< no option: mpirun, srun or the like started this process, as its variables show
  bool names_dataset = false;  ///< no option: --dataset was given, in whatever source, rather than left to its default
  std::vector<std::string_view> on_command_line;  ///< no options: the names of those given there
  std::vector<std::string> warnings;              ///< no options: what may be a mistake, for people
  std::string wrong_without_checkpoint;  ///< no option: what is an error unless the checkpoint of --resume, which is
                                         ///< not read yet, names another method; empty: nothing
  bool may_convolve = true;              ///< no option: whether the network has convolutions, as far as it is known
  bool describe = false;
  bool help = false;           ///< nothing else was looked at but the command
  bool names_command = false;  ///< no option: the command was given rather than left to its default
  bool version = false;        ///< nothing else was looked at
};

/// Environment variables by name.
using Environment = std::map<std::string, std::string>;

/// The environment of this process; before MPI's start, which adds a launcher's variables even where there is none.
/// Local.
Environment current_environment();

/// Reads the options from, in this order of precedence, the command line, variables SIBP_… (SIBP_LOGICAL_SHARDS for
/// --logical-shards), the file named by --config, the preset, and the defaults. Of two options that exclude each other
/// (--epochs and --steps, --hidden and --network) the one of higher precedence counts; in one place they are an error.
/// Options that mean nothing to the command or the data set are errors on the command line and are passed over
/// elsewhere. Local; reads nothing but the file of --config. Throws Error (usage) naming the option as the user gave
/// it.
Options parse_options(int argc, const char* const* argv, const Environment& environment);
/// The same with a fifth source before the defaults: `config`, the text of the config.ini in a checkpoint that a run
/// goes on from.
Options parse_options(int argc, const char* const* argv, const Environment& environment, const std::string& config);

/// Whether the command line asks for a command that works without ranks, and so without MPI. False where it is wrong
/// or asks for help. Local.
bool works_without_ranks(int argc, const char* const* argv);

/// The options with every relative path made absolute: config.ini is read from other folders. Local.
Options with_absolute_paths(Options options);

/// What --help prints, with a command only what means something to it, and what --version prints. Local.
std::string help_text(std::optional<Command> command = std::nullopt);
std::string version_text();

/// The manual in the language of man, from the table of options. Local.
std::string manual_text();

/// What is printed and nothing else done, where options ask for that: help, version, completions or manual. Local.
std::optional<std::string> text_asked_for(const Options& options);

/// A script that completes the program's commands and options in that shell. Local.
std::string completion_text(Shell shell);

/// config.ini: every option that decides the outcome of the run, for `--config`. The output folder is left out, as a
/// run's folder is never written over, and so is what only decides how the run is shown. Relative paths become
/// absolute. Local.
std::string to_ini(const Options& options);

/// What to_ini leaves out and ranks must agree on all the same: the command, the model and the files it writes. Local.
std::string rest_of_options(const Options& options);

}  // namespace sibp
