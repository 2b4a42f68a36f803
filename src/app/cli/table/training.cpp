// The options of a training: its method with the parameters of those that are not semi-implicit, its length and
// records, and sums over ranks.

#include "sibp/core/words.hpp"

#include "app/cli/option_bindings.hpp"
#include "update/method_traits.hpp"

namespace sibp {
namespace {

constexpr std::string_view length_group = "Length and records (train)";
constexpr std::string_view sums_group = "Sums over ranks (train, plan)";

/// Choosing a method sets the defaults of its parameters; they stand further down in the table and are set later.
Binding method_binding() {
  Names<Method> names;
  for (const Method method : all_methods()) names.emplace_back(name_of(method), method);
  Binding binding = choice(
      [](auto& o) -> auto& { return o.training.method.method; }, names);
  binding.set = [set = binding.set](Options& options, const std::string& text) {
    set(options, text);
    options.training.method = default_options(options.training.method.method);
  };
  return binding;
}

Binding outer_binding() {
  Binding binding =
      choice_of([](auto& o) -> auto& { return o.training.method.outer; }, {Optimiser::sgd, Optimiser::adam});
  binding.set = [set = binding.set](Options& options, const std::string& text) {
    set(options, text);
    options.training.method = default_options(options.training.method.method, options.training.method.outer);
  };
  return binding;
}

void append_proxprop_options(OptionTable& table) {
  table.push_back({.name = "outer",
                   .group = update_group,
                   .value_name = "NAME",
                   .help = "sgd or adam: what ProxProp's steps are given to",
                   .binding = outer_binding(),
                   .of_method = true});
  table.push_back({.name = "tau",
                   .group = update_group,
                   .value_name = "TAU",
                   .help = "step size of the proximal steps; with --outer adam 1 by default",
                   .binding = positive([](auto& o) -> auto& { return o.training.method.tau; }),
                   .of_method = true});
  table.push_back({.name = "cg-steps",
                   .group = update_group,
                   .value_name = "N",
                   .help = "conjugate-gradient steps of a proximal step; 0: the exact solution",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.method.cg_steps; }, 0),
                   .of_method = true});
}

void append_optimiser_options(OptionTable& table) {
  table.push_back({.name = "lr",
                   .group = update_group,
                   .value_name = "RATE",
                   .help = "learning rate; adam and adamw: 0.001, proxprop: 1, or 0.001 with --outer adam, by default",
                   .binding = positive([](auto& o) -> auto& { return o.training.eta; }),
                   .without_default = "0.1",
                   .of_method = true});
  table.push_back({.name = "momentum",
                   .group = update_group,
                   .value_name = "MU",
                   .help =
                       "momentum of gradient descent; sibp: the update is V = MU V + (1 - MU) times that of the step; "
                       "proxprop: 0.95 by default",
                   .binding = fraction([](auto& o) -> auto& { return o.training.method.momentum; }),
                   .without_default = "0.9; sibp: 0, with convolutions 0.9",
                   .of_method = true});
  table.push_back({.name = "momentum-of",
                   .group = update_group,
                   .value_name = "WHAT",
                   .help = "update or gradient: what momentum averages, the updates of steps or what their systems are "
                           "solved with (form normal)",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.training.method.momentum_of_gradient; },
                       Names<bool>{{"update", false}, {"gradient", true}}),
                   .without_default = "update; gradient where --step has a polar factor",
                   .of_method = true});
  table.push_back({.name = "kl-clip",
                   .group = update_group,
                   .value_name = "KAPPA",
                   .help = "limit on how far a step of kfac moves the predictions: RATE^2 times the sum of step times "
                           "gradient",
                   .binding = positive([](auto& o) -> auto& { return o.training.method.kl_clip; }),
                   .of_method = true});
  table.push_back(
      {.name = "nesterov",
       .group = update_group,
       .value_name = "on|off",
       .help =
           "Nesterov's form of momentum; on by default: proxprop, and sibp where momentum is of gradients and --step "
           "has a polar factor",
       .binding = choice(
           [](auto& o) -> auto& { return o.training.method.nesterov; }, Names<bool>{{"on", true}, {"off", false}}),
       .without_default = "off",
       .of_method = true});
  table.push_back({.name = "beta1",
                   .group = update_group,
                   .value_name = "BETA",
                   .help = "Adam: of the mean of gradients",
                   .binding = fraction([](auto& o) -> auto& { return o.training.method.beta1; }),
                   .of_method = true});
  table.push_back({.name = "beta2",
                   .group = update_group,
                   .value_name = "BETA",
                   .help = "Adam: of the mean of their squares",
                   .binding = fraction([](auto& o) -> auto& { return o.training.method.beta2; }),
                   .of_method = true});
  table.push_back({.name = "epsilon",
                   .group = update_group,
                   .value_name = "EPSILON",
                   .help = "Adam: added to the root of the mean square",
                   .binding = positive([](auto& o) -> auto& { return o.training.method.epsilon; }),
                   .of_method = true});
  table.push_back({.name = "weight-decay",
                   .group = update_group,
                   .value_name = "DECAY",
                   .help = "times the weights and biases is added to the gradient; sibp: is taken off them before each "
                           "update, times the schedule's share of eta; adamw and muon: times the learning rate",
                   .binding = number_below(
                       [](auto& o) -> auto& { return o.training.method.weight_decay; },
                       std::numeric_limits<double>::infinity(), "a number of at least 0"),
                   .without_default = "0; sibp without convolutions: batch / (2 training samples), adamw: 0.01",
                   .of_method = true});
}

/// "sibp, published (the procedure of its authors' code), …", all of them.
std::string names_with_notes() {
  std::vector<std::string> texts;
  for (const Method method : all_methods()) {
    const std::string_view note = method.traits().note;
    texts.push_back(note.empty() ? std::string(name_of(method)) : fmt::format("{} ({})", name_of(method), note));
  }
  return in_words(std::vector<std::string_view>(texts.begin(), texts.end()), "or");
}

}  // namespace

void append_method_options(OptionTable& table) {
  static const std::string help = names_with_notes();
  table.push_back(
      {.name = "method", .group = update_group, .value_name = "NAME", .help = help, .binding = method_binding()});
  append_proxprop_options(table);
  append_optimiser_options(table);
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

void append_sum_options(OptionTable& table) {
  table.push_back(
      {.name = "sums",
       .group = sums_group,
       .value_name = "WAY",
       .help = "shared (through memory that the ranks of a node share), library (by MPI alone), auto (shared where "
               "it can be) or measure (whichever a trial shows faster)",
       .binding = choice_of([](auto& o) -> auto& { return o.sums.sums; },
                            {Sums::automatic, Sums::measured, Sums::shared, Sums::library}),
       .commands = network_commands,
       .on_resume = OnResume::free});
  table.push_back({.name = "wire",
                   .group = sums_group,
                   .value_name = "TYPE",
                   .help = "float32 or bfloat16 (fp32, bf16): what matrices travel as; bfloat16 halves the bytes and "
                           "rounds to 8 bits, but not in shared memory",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.sums.wire; },
                       Names<Wire>{{name_of(Wire::float32), Wire::float32},
                                   {name_of(Wire::bfloat16), Wire::bfloat16},
                                   {"fp32", Wire::float32},
                                   {"bf16", Wire::bfloat16}}),
                   .commands = network_commands});
}

}  // namespace sibp
