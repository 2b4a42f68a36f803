#include "sibp/app/cli/options.hpp"

#include "sibp/core/error.hpp"

#include "app/cli/option_sources.hpp"
#include "update/method_traits.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <unistd.h>

namespace sibp {
namespace {

/// Sources by falling precedence: the command line, the environment, the config file, the preset, a checkpoint.
using Sources = std::array<Source, 5>;
constexpr std::size_t command_line_level = 0;
constexpr std::size_t preset_level = 3;

/// The option as given at the highest precedence, and that precedence; a null pointer if it was not given.
struct Found {
  const Given* given = nullptr;
  std::size_t level = std::tuple_size_v<Sources>;
};

Found find_given(const Sources& sources, std::string_view name) {
  for (std::size_t level = 0; level < sources.size(); ++level) {
    for (const Given& given : sources[level]) {
      if (given.entry->name == name) return {&given, level};
    }
  }
  return {};
}

/// The option's name for messages: as the user gave it, or as it could be given.
std::string label_of(const Sources& sources, std::string_view name) {
  const Found found = find_given(sources, name);
  return found.given != nullptr ? found.given->label : fmt::format("--{}", name);
}

/// Why an option means nothing in this run; empty if it means something.
std::string irrelevance(const OptionEntry& entry, const Options& options) {
  const std::string_view command = name_of(options.command);
  if (!entry.commands.contains(options.command)) {
    return fmt::format("means nothing to the command {}, only to: {}", command, to_text(entry.commands));
  }
  if (!entry.dataset.empty() && entry.dataset != options.data.dataset) {
    return fmt::format("means nothing to --dataset {}, only to {}", options.data.dataset, entry.dataset);
  }
  if (entry.name == "epochs" && !options.training.batch_list.empty()) {
    return "means nothing with --batch-list, whose rows are the steps";
  }
  const MethodOptions& method = options.training.method;
  if (!is_of_method(entry, method)) {
    const std::string outer =
        method.method == Method::proxprop ? fmt::format(" --outer {}", name_of(method.outer)) : "";
    return fmt::format("means nothing to --method {}{}, only to: {}", name_of(method.method), outer,
                       methods_with(entry.name));
  }
  return "";
}

/// Whether another option of higher precedence stands instead of this one.
bool is_displaced(const Sources& sources, const OptionEntry& entry, const Found& found) {
  if (entry.excludes.empty()) return false;
  const Found other = find_given(sources, entry.excludes);
  if (other.given == nullptr || other.level > found.level) return false;
  if (other.level < found.level) return true;
  throw_usage_error(
      fmt::format("{}: given together with {}, expected one of the two", found.given->label, other.given->label));
}

void set_option(Options& options, const Given& given) {
  try {
    if (given.entry->place == Place::saved && !survives_ini(given.value)) {
      throw Unexpected{"a value that config.ini can hold: no '#', no line break, no blank at its ends"};
    }
    given.entry->binding.set(options, given.value);
  } catch (const Unexpected& unexpected) {
    throw_usage_error(fmt::format("{}: found '{}', expected {}", given.label, given.value, unexpected.expected));
  }
}

/// Throws what is wrong, or keeps it where that is not certain yet.
void refuse(Options& options, const std::string& what, bool may_be_right) {
  if (!may_be_right) throw_usage_error(what);
  if (options.wrong_without_checkpoint.empty()) options.wrong_without_checkpoint = what;
}

void set_options(Options& options, const Sources& sources) {
  // The method of a run that goes on is its checkpoint's, which is read later.
  const bool awaits_method = find_given(sources, "resume").given != nullptr && sources.back().empty() &&
                             find_given(sources, "method").given == nullptr;
  for (const OptionEntry& entry : option_table()) {
    const Found found = find_given(sources, entry.name);
    if (found.given == nullptr) continue;
    if (const std::string reason = irrelevance(entry, options); !reason.empty()) {
      if (found.level == command_line_level)
        refuse(options, fmt::format("{}: {}", found.given->label, reason),
               awaits_method && !is_of_method(entry, options.training.method));
      continue;
    }
    if (!is_displaced(sources, entry, found)) set_option(options, *found.given);
  }
}

/// A run that goes on takes what was chosen at its start, also where the choice is given as "auto" or "measure" again.
void forget_choices_made(Sources& sources) {
  const auto leaves_open = [](const Given& given) { return given.value == "auto" || given.value == "measure"; };
  for (const std::string_view name : {"form", "sums"}) {
    const auto is_it = [&](const Given& given) { return given.entry->name == name; };
    if (std::ranges::none_of(sources.back(), is_it)) continue;
    for (Source& source : sources)
      std::erase_if(source, [&](const Given& given) { return is_it(given) && leaves_open(given); });
  }
}

/// What belongs to a Gram matrix that is kept for several steps or is of a sample, and the forms that have such.
void check_gram(const Options& options, const Sources& sources) {
  const auto label = [&](std::string_view name) { return label_of(sources, name); };
  const auto& method = options.training.method;
  for (const std::string_view name : {"gram-average", "gram-burn-in", "gram-damping"}) {
    const Found found = find_given(sources, name);
    if (method.refresh.keeps_mean() || found.given == nullptr || found.level != command_line_level) continue;
    throw_usage_error(
        fmt::format("{}: found alone, expected --gram-every above 1 or --gram-lag on with it", label(name)));
  }
  const Found average = find_given(sources, "conv-gram-average");
  if (!method.convolution.refresh.keeps_mean() && average.given != nullptr && average.level == command_line_level)
    throw_usage_error(fmt::format("{}: found with {} 1, expected a number above 1 there, or --gram-lag on",
                                  average.given->label, label("conv-gram-every")));
  if (method.refresh.keeps_mean() && !std::ranges::all_of(method.forms, has_gram)) {
    throw_usage_error(
        fmt::format("{}: found '{}' with {}, expected the forms {}: no other has a "
                    "Gram matrix to keep",
                    label("form"), to_text(method.forms), label(method.refresh.lags ? "gram-lag" : "gram-every"),
                    forms_in_words(has_gram)));
  }
  if (method.sample > 1 && !std::ranges::all_of(method.forms, can_sample)) {
    throw_usage_error(fmt::format(
        "{}: found '{}' with {} {}, expected auto, measure or the forms {}: the others take all samples", label("form"),
        to_text(method.forms), label("gram-sample"), method.sample, forms_in_words(can_sample)));
  }
}

/// Relative steps, and momentum of gradients, need a form that has these.
void check_gradient(const Options& options, const Sources& sources) {
  const MethodOptions& method = options.training.method;
  if (std::ranges::all_of(method.forms, has_gradient)) return;
  const bool measures = method.step && method.step->measures();
  if (!measures && !method.momentum_of_gradient.value_or(false)) return;
  const std::string_view cause = measures ? "step" : "momentum-of";
  throw_usage_error(fmt::format("{}: found '{}' with {} {}, expected auto or {}", label_of(sources, "form"),
                                to_text(method.forms), label_of(sources, cause),
                                *find_option(cause)->binding.get(options), forms_in_words(has_gradient, "or")));
}

/// What has no reproducible way.
void check_reproducible(const Options& options, const Sources& sources) {
  if (!options.reproducible) return;
  const auto refuse = [&](std::string_view name, std::string_view found, std::string_view expected) {
    throw_usage_error(fmt::format("{}: found '{}' with {}, expected {}", label_of(sources, name), found,
                                  label_of(sources, "reproducible"), expected));
  };
  const MethodOptions& method = options.training.method;
  if (!method.method.traits().is_reproducible)
    refuse("method", name_of(method.method),
           methods_in_words([](Method other) { return other.traits().is_reproducible; }));
  if (method.measures_forms || !std::ranges::all_of(method.forms, is_reproducible))
    refuse("form", method.measures_forms ? "measure" : to_text(method.forms),
           fmt::format("auto, or the forms {}", forms_in_words(is_reproducible)));
  if (options.device == DeviceChoice::cuda) refuse("device", "cuda", "cpu or auto");
  if (options.sums.wire != Wire::float32) refuse("wire", name_of(options.sums.wire), name_of(Wire::float32));
  const bool is_told_how_to_sum = find_given(sources, "sums").level == command_line_level;
  if (is_told_how_to_sum && options.sums.sums != Sums::automatic)
    refuse("sums", name_of(options.sums.sums), "auto: sums are exact, by the library");
}

/// What follows from --reproducible.
void settle_reproducible(Options& options) {
  if (options.reproducible) options.sums = {.sums = Sums::exact, .most_samples = options.training.batch};
}

/// What can be seen only from several options together.
void check_together(const Options& options, const Sources& sources) {
  const auto label = [&](std::string_view name) { return label_of(sources, name); };
  const bool uses_model = find_option("model")->commands.contains(options.command);
  if (uses_model && options.model.empty()) {
    throw_usage_error(
        fmt::format("--model: found nothing, but {} needs the file of a model", name_of(options.command)));
  }
  if (options.command == Command::export_model && !options.to)
    throw_usage_error("--to: found nothing, but export needs it; expected onnx or torch");
  if (uses_model && options.split == Split::validation && options.validation == 0) {
    throw_usage_error(fmt::format(
        "{}: found 'validation', but no samples are held out; give --validation as in training", label("split")));
  }
  const PlanOptions& plan = options.plan;
  const bool gives_inputs = plan.features || plan.shape;
  if (gives_inputs != plan.classes.has_value()) {
    throw_usage_error(
        fmt::format("{}: found alone, expected --features and --classes together, or --shape and --classes",
                    label(plan.features ? "features"
                          : plan.shape  ? "shape"
                                        : "classes")));
  }
  if (options.data.dataset == "idx" && !gives_inputs) {
    for (const std::string_view name : {"train-images", "train-labels", "test-images", "test-labels"}) {
      if (find_option(name)->binding.get(options)) continue;
      throw_usage_error(fmt::format("--{}: found nothing, but {} idx needs this file", name, label("dataset")));
    }
  }
  if (options.guard.keep_best != Measure::none && options.validation == 0)
    throw_usage_error(fmt::format("{}: found '{}', but no samples are held out; give --validation N, or leave it out",
                                  label("keep-best"), name_of(options.guard.keep_best)));
  const auto& training = options.training;
  const MethodOptions& method = training.method;
  const auto only_damping = method.method.traits().only_damping;
  if (only_damping && method.damping->kind != *only_damping) {
    const bool is_absolute = *only_damping == Damping::Kind::absolute;
    throw_usage_error(fmt::format("{}: found {}:{}, but --method {} has {} only", label("damping"),
                                  is_absolute ? "relative" : "absolute", method.damping->value, name_of(method.method),
                                  is_absolute ? "absolute:LAMBDA" : "relative:RHO"));
  }
  if (training.augmentation != Augmentation{} && !training.batch_list.empty()) {
    throw_usage_error(
        fmt::format("{}: found '{}' with {}, expected none: a list is one epoch, in which a sample would be changed in "
                    "one way only",
                    label("augment"), to_text(training.augmentation), label("batch-list")));
  }
  if (training.label_smoothing > 0 && options.loss != Loss::softmax_cross_entropy) {
    throw_usage_error(fmt::format("{}: found '{}' with {} {}, expected 0, or the loss {}", label("label-smoothing"),
                                  training.label_smoothing, label("loss"), name_of(options.loss),
                                  name_of(Loss::softmax_cross_entropy)));
  }
  check_gram(options, sources);
  check_gradient(options, sources);
  check_reproducible(options, sources);
  if (training.steps && training.warmup_steps > *training.steps &&
      find_given(sources, "warmup-steps").level != preset_level) {
    throw_usage_error(fmt::format("{}: found '{}', expected at most the {} steps of the run ({})",
                                  label("warmup-steps"), training.warmup_steps, *training.steps, label("steps")));
  }
}

/// A preset's warm-up fits into a run that has been made shorter.
void settle_warmup(TrainingOptions& training) {
  if (training.steps) training.warmup_steps = std::min(training.warmup_steps, *training.steps);
}

/// Whether mpirun of Open MPI, srun, or a launcher of MPICH and its kin started the process.
bool shows_launcher(const Environment& environment) {
  constexpr std::array variables{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "SLURM_PROCID", "PMI_RANK", "PMI_SIZE",
                                 "MPI_LOCALRANKID"};
  return std::ranges::any_of(variables, [&](const char* name) { return environment.contains(name); });
}

}  // namespace

Environment current_environment() {
  Environment environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

bool works_without_ranks(int argc, const char* const* argv) {
  try {
    const CommandLine line = read_command_line(argc, argv);
    return line.command == Command::watch && !line.help;
  } catch (const Error&) {
    return false;  // parse_options says what is wrong
  }
}

Options parse_options(int argc, const char* const* argv, const Environment& environment) {
  return parse_options(argc, argv, environment, "");
}

Options parse_options(int argc, const char* const* argv, const Environment& environment, const std::string& config) {
  Options options;
  CommandLine line = read_command_line(argc, argv);
  Sources sources;
  sources[command_line_level] = std::move(line.source);
  options.command = line.command;
  options.checkpoint_action = line.checkpoint_action;
  options.checkpoint_folder = line.checkpoint_folder;
  options.watched = line.watched;
  options.has_launcher = shows_launcher(environment);
  options.shell = line.shell;
  options.names_command = line.names_command;
  options.help = line.help;
  options.version = find_given(sources, "version").given != nullptr;
  if (options.help || options.version) return options;
  sources[1] = read_environment(environment, options.warnings);
  if (const Found file = find_given(sources, "config"); file.given != nullptr) {
    sources[2] = read_config_file(file.given->value, file.given->label);
  }
  if (const Found preset = find_given(sources, "preset"); preset.given != nullptr) {
    sources[preset_level] = read_preset(preset.given->value, preset.given->label);
  }
  sources[4] = read_config_text(config, "config.ini of the checkpoint");
  forget_choices_made(sources);
  options.names_dataset = find_given(sources, "dataset").given != nullptr;
  for (const Given& given : sources[command_line_level]) options.on_command_line.push_back(given.entry->name);
  set_options(options, sources);
  check_together(options, sources);
  settle_reproducible(options);
  settle_warmup(options.training);
  return options;
}

}  // namespace sibp
