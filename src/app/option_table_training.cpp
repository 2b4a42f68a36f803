// The options of the network and of its training.

#include "app/option_bindings.hpp"

#include <algorithm>

namespace sibp {
namespace {

constexpr std::string_view network_group = "Network (train, plan)";
constexpr std::string_view update_group = "Update (train)";
constexpr std::string_view length_group = "Length and records (train)";

/// The same, but with nothing to be written down while `condition` holds.
template <class Condition>
Binding unless(Condition condition, Binding binding) {
  const auto get = [=](const Options& options) { return condition(options) ? std::nullopt : binding.get(options); };
  return {binding.set, get};
}

Binding damping_binding() {
  const auto set = [](Options& options, const std::string& text) {
    const auto colon = text.find(':');
    const std::string kind = text.substr(0, colon);
    const auto value = colon == std::string::npos ? std::nullopt : parse_positive(text.substr(colon + 1));
    if (!value || (kind != "relative" && kind != "absolute")) {
      throw Unexpected{"relative:RHO or absolute:LAMBDA with a number above 0"};
    }
    options.training.method.damping = {kind == "relative" ? Damping::Kind::relative : Damping::Kind::absolute, *value};
  };
  const auto get = [](const Options& options) -> std::optional<std::string> {
    const Damping& damping = options.training.method.damping;
    return fmt::format("{}:{}", damping.kind == Damping::Kind::relative ? "relative" : "absolute", damping.value);
  };
  return {set, get};
}

/// "auto", one form for all layers, or a form for each.
Binding form_binding() {
  const auto set = [](Options& options, const std::string& text) {
    options.training.method.forms.clear();
    if (text == "auto") return;
    for (std::size_t first = 0; first <= text.size();) {
      const std::size_t comma = std::min(text.find(',', first), text.size());
      const auto form = form_from_name(std::string_view(text).substr(first, comma - first));
      if (!form) throw Unexpected{"auto, or one of normal, activations, dual and dual-reduced for all layers or each"};
      options.training.method.forms.push_back(*form);
      first = comma + 1;
    }
  };
  const auto get = [](const Options& options) -> std::optional<std::string> {
    return options.training.method.forms.empty() ? "auto" : to_text(options.training.method.forms);
  };
  return {set, get};
}

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
                   .help = "the whole network, for example \"dense(500,relu) dense(10)\", instead of --hidden",
                   .binding = text(
                       [](auto& o) -> auto& { return o.network; }, "layers"),
                   .commands = network_commands,
                   .without_default = "from --hidden",
                   .excludes = "hidden"});
  table.push_back({.name = "activation",
                   .group = network_group,
                   .value_name = "NAME",
                   .help = "of hidden layers that name none: relu, leaky-relu, tanh, sigmoid or identity",
                   .binding = choice_of([](auto& o) -> auto& { return o.activation; },
                                        {Activation::relu, Activation::leaky_relu, Activation::tanh,
                                         Activation::sigmoid, Activation::identity}),
                   .commands = network_commands});
  table.push_back({.name = "loss",
                   .group = network_group,
                   .value_name = "NAME",
                   .help = "softmax-cross-entropy or mean-squared-error",
                   .binding = choice_of([](auto& o) -> auto& { return o.loss; },
                                        {Loss::softmax_cross_entropy, Loss::squared_error}),
                   .commands = network_commands});
  table.push_back({.name = "init",
                   .group = network_group,
                   .value_name = "START",
                   .help = "start of the weights: he, glorot, normal:SIGMA or a file of weights",
                   .binding = initialisation_binding(),
                   .on_resume = OnResume::free});
}

void append_update_options(OptionTable& table) {
  table.push_back({.name = "eta",
                   .group = update_group,
                   .value_name = "ETA",
                   .help = "step size on the neurons; published: 0.1 by default",
                   .binding = positive([](auto& o) -> auto& { return o.training.eta; }),
                   .without_default = "min(1, 4 / layers)",
                   .methods = "sibp published"});
  table.push_back(
      {.name = "damping",
       .group = update_group,
       .value_name = "KIND",
       .help = "proximal weight of a layer: relative:RHO times the mean diagonal of its system, or absolute:LAMBDA; "
               "published: absolute:1 by default",
       .binding = damping_binding(),
       .methods = "sibp published"});
  table.push_back({.name = "form",
                   .group = update_group,
                   .value_name = "FORMS",
                   .help =
                       "how the update is computed: auto, normal, activations, dual or dual-reduced; also by layer, "
                       "dual,dual,normal",
                   .binding = form_binding(),
                   .commands = network_commands,
                   .methods = "sibp proxprop",
                   .on_resume = OnResume::free});
  table.push_back({.name = "carry",
                   .group = update_group,
                   .value_name = "WEIGHTS",
                   .help = "new or old: the weights that carry the difference backward",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.training.method.carry; },
                       Names<Carry>{{"new", Carry::new_weights}, {"old", Carry::old_weights}}),
                   .commands = network_commands,
                   .methods = "sibp"});
  table.push_back(
      {.name = "schedule",
       .group = update_group,
       .value_name = "NAME",
       .help = "of eta or the learning rate over the run: linear (to zero), constant or cosine (to zero)",
       .binding = choice(
           [](auto& o) -> auto& { return o.training.schedule; },
           Names<Schedule>{
               {"linear", Schedule::linear}, {"constant", Schedule::constant}, {"cosine", Schedule::cosine}})});
  table.push_back({.name = "warmup-steps",
                   .group = update_group,
                   .value_name = "N",
                   .help = "steps over which eta or the learning rate rises first",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.warmup_steps; }, 0)});
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
}

}  // namespace sibp
