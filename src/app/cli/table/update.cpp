// The options of the update: of semi-implicit back propagation, of its systems where there are convolutions, and of
// what all methods have.

#include "app/cli/option_bindings.hpp"

namespace sibp {
namespace {

/// "auto", "measure", one form for all layers, or a form for each.
Binding form_binding() {
  const auto set = [](Options& options, const std::string& text) {
    MethodOptions& method = options.training.method;
    method.forms.clear();
    method.measures_forms = text == "measure";
    if (text == "auto" || text == "measure") return;
    const auto forms = forms_from_text(text);
    if (!forms) throw Unexpected{fmt::format("auto, measure, or one of {} for all layers or each", forms_in_words())};
    method.forms = *forms;
  };
  const auto get = [](const Options& options) -> std::optional<std::string> {
    const MethodOptions& method = options.training.method;
    if (method.forms.empty()) return method.measures_forms ? "measure" : "auto";
    return to_text(method.forms);
  };
  return {set, get};
}

/// "fixed", or a rule with its κ, "relative:KAPPA".
Binding step_binding() {
  static const Names<StepRule::Kind> rules{{"relative", StepRule::Kind::relative},
                                           {"spectral", StepRule::Kind::spectral},
                                           {"newton-muon", StepRule::Kind::newton_muon}};
  const auto set = [](Options& options, const std::string& text) {
    auto& step = options.training.method.step;
    if (text == "fixed") {
      step = StepRule{};
      return;
    }
    const std::size_t colon = text.find(':');
    const auto kappa = colon == std::string::npos ? std::nullopt : parse_positive(text.substr(colon + 1));
    for (const auto& [name, kind] : rules) {
      if (!kappa || text.substr(0, colon) != name) continue;
      step = {.kind = kind, .kappa = *kappa};
      return;
    }
    throw Unexpected{"fixed, relative:KAPPA, spectral:KAPPA or newton-muon:KAPPA with a number above 0"};
  };
  const auto get = [](const Options& options) -> std::optional<std::string> {
    const auto& step = options.training.method.step;
    if (!step) return std::nullopt;
    for (const auto& [name, kind] : rules)
      if (kind == step->kind) return fmt::format("{}:{}", name, step->kappa);
    return "fixed";
  };
  return {set, get};
}

/// Says nothing of how a mean is formed where there is none.
Binding of_mean(const Binding& binding) {
  return unless([](const Options& o) { return !o.training.method.refresh.keeps_mean(); }, binding);
}

/// Of all maps alike.
Binding lag_binding() {
  Binding binding = choice(
      [](auto& o) -> auto& { return o.training.method.refresh.lags; }, Names<bool>{{"on", true}, {"off", false}});
  binding.set = [set = binding.set](Options& options, const std::string& text) {
    set(options, text);
    options.training.method.convolution.refresh.lags = options.training.method.refresh.lags;
  };
  return binding;
}

void append_gram_options(OptionTable& table) {
  table.push_back({.name = "gram-every",
                   .group = update_group,
                   .value_name = "T",
                   .help =
                       "steps from one Gram matrix to the next (forms normal and activations); above 1 it is a running "
                       "mean over batches; kfac: 10 by default",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.method.refresh.every; }, 1),
                   .commands = network_commands,
                   .of_method = true});
  table.push_back({.name = "gram-lag",
                   .group = update_group,
                   .value_name = "on|off",
                   .help =
                       "Gram matrices are running means of the batches before (forms normal and activations), after "
                       "--gram-burn-in",
                   .binding = lag_binding(),
                   .commands = network_commands,
                   .of_method = true});
  table.push_back({.name = "gram-sample",
                   .group = update_group,
                   .value_name = "K",
                   .help = "dense layers take the curvature, P Pᵀ, from every K-th sample of the batch (forms normal, "
                           "activations and low-rank)",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.method.sample; }, 1),
                   .commands = network_commands,
                   .of_method = true});
  table.push_back(
      {.name = "gram-stagger",
       .group = update_group,
       .value_name = "on|off",
       .help = "layers form their Gram matrices in different steps of --gram-every and --conv-gram-every",
       .binding = choice(
           [](auto& o) -> auto& { return o.training.method.staggers; }, Names<bool>{{"on", true}, {"off", false}}),
       .commands = network_commands,
       .of_method = true});
  table.push_back(
      {.name = "gram-average",
       .group = update_group,
       .value_name = "BETA",
       .help = "with --gram-every or --gram-lag: what the mean so far keeps of its weight when a batch is added",
       .binding = of_mean(fraction([](auto& o) -> auto& { return o.training.method.refresh.average; })),
       .without_default = "0.95",
       .of_method = true});
  table.push_back({.name = "gram-burn-in",
                   .group = update_group,
                   .value_name = "N",
                   .help =
                       "with --gram-every or --gram-lag: first steps, which take the Gram matrix of their own batch; "
                       "kfac: 0 by default",
                   .binding = of_mean(integer(
                       [](auto& o) -> auto& { return o.training.method.refresh.burn_in; }, 0)),
                   .without_default = "50",
                   .of_method = true});
  table.push_back(
      {.name = "gram-damping",
       .group = update_group,
       .value_name = "KIND",
       .help = "with --gram-every or --gram-lag: as --damping, for the steps after these",
       .binding = of_mean(damping_binding([](auto& o) -> auto& { return o.training.method.refresh.damping; })),
       .without_default = "relative:3",
       .of_method = true});
}

OptionEntry convolution_entry(std::string_view name, std::string_view value_name, std::string_view help,
                              Binding binding, const Commands& commands = network_commands) {
  return {.name = name,
          .group = update_group,
          .value_name = value_name,
          .help = help,
          .binding = std::move(binding),
          .commands = commands,
          .of_method = true,
          .of_convolutions = true};
}

/// The same whether a system is a batch's own or a running mean's, which is about as large for convolutions.
Binding convolution_damping() {
  Binding binding = damping_binding([](auto& o) -> auto& { return o.training.method.convolution.damping; });
  binding.set = [set = binding.set](Options& options, const std::string& text) {
    set(options, text);
    SystemOptions& system = options.training.method.convolution;
    system.refresh.damping = system.damping;
  };
  return binding;
}

/// Of networks with convolutions alone.
void append_convolution_options(OptionTable& table) {
  table.push_back(convolution_entry("conv-damping", "KIND", "as --damping, of convolutions and normalisations",
                                    convolution_damping(), {Command::train}));
  table.push_back(
      convolution_entry("conv-gram-every", "T", "as --gram-every, of convolutions",
                        integer(
                            [](auto& o) -> auto& { return o.training.method.convolution.refresh.every; }, 1)));
  const auto has_no_mean = [](const Options& o) { return !o.training.method.convolution.refresh.keeps_mean(); };
  table.push_back(convolution_entry(
      "conv-gram-average", "BETA", "as --gram-average, with --conv-gram-every above 1",
      unless(has_no_mean, fraction([](auto& o) -> auto& { return o.training.method.convolution.refresh.average; })),
      {Command::train}));
  table.push_back(convolution_entry("conv-gram-sample", "K",
                                    "the Gram matrices of convolutions are formed of every K-th sample of the batch",
                                    integer(
                                        [](auto& o) -> auto& { return o.training.method.convolution.sample; }, 1)));
}

}  // namespace

void append_update_options(OptionTable& table) {
  static const std::string help_of_forms = fmt::format(
      "how the update is computed: auto (the cheapest by nominal rates), measure (the cheapest by a short "
      "measurement), "
      "{}; also by layer, dual,dual,normal",
      forms_in_words([](Form) { return true; }, "or"));
  table.push_back(
      {.name = "eta",
       .group = update_group,
       .value_name = "ETA",
       .help = "step size on the neurons, with relative steps (--step) on those of the last layer alone; by default "
               "0.5 with convolutions, min(1, 4 / layers) with another --step, published: 0.1",
       .binding = positive([](auto& o) -> auto& { return o.training.eta; }),
       .without_default = "min(3, 6 / layers)",
       .of_method = true});
  table.push_back({.name = "step",
                   .group = update_group,
                   .value_name = "RULE",
                   .help =
                       "fixed: every layer's update at --eta; relative:KAPPA: scaled so that it moves the layer's "
                       "neurons by KAPPA times their size, all but the last layer's; spectral:KAPPA and "
                       "newton-muon:KAPPA: the same, of the polar factor of what the neurons or the weights move by",
                   .binding = step_binding(),
                   .commands = network_commands,
                   .without_default = "fixed; with convolutions newton-muon:0.03, more with batches above 500",
                   .of_method = true});
  table.push_back(
      {.name = "damping",
       .group = update_group,
       .value_name = "KIND",
       .help = "proximal weight of a layer: relative:RHO times the mean diagonal of its system, or absolute:LAMBDA; "
               "published: absolute:1, kfac: relative:0.1 by default",
       .binding = damping_binding([](auto& o) -> auto& { return o.training.method.damping; }),
       .without_default = "relative:2; with convolutions or another --step relative:1",
       .of_method = true});
  table.push_back({.name = "form",
                   .group = update_group,
                   .value_name = "FORMS",
                   .help = help_of_forms,
                   .binding = form_binding(),
                   .commands = network_commands,
                   .of_method = true,
                   .on_resume = OnResume::free});
  table.push_back({.name = "owners",
                   .group = update_group,
                   .value_name = "WHICH",
                   .help =
                       "which of several ranks factorise a layer's system (forms normal and "
                       "activations): auto (where that is cheaper), all (every rank factorises all systems), factor "
                       "(each system has an owner, which sends the factor) or solve (it solves alone where it can)",
                   .binding = choice_of([](auto& o) -> auto& { return o.training.method.owners; },
                                        {Owners::automatic, Owners::all, Owners::factorising, Owners::solving}),
                   .commands = network_commands,
                   .of_method = true,
                   .on_resume = OnResume::free});
  table.push_back({.name = "carry",
                   .group = update_group,
                   .value_name = "WEIGHTS",
                   .help = "new or old: the weights that carry the difference backward",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.training.method.carry; },
                       Names<Carry>{{"new", Carry::new_weights}, {"old", Carry::old_weights}}),
                   .commands = network_commands,
                   .of_method = true});
  append_gram_options(table);
  append_convolution_options(table);
  table.push_back(
      {.name = "schedule",
       .group = update_group,
       .value_name = "NAME",
       .help = "course of eta or the learning rate over the run: linear (to zero), constant or cosine (to zero)",
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
  table.push_back({.name = "average",
                   .group = update_group,
                   .value_name = "BETA",
                   .help =
                       "keeps averaged weights as well, which each step moves by 1 - BETA towards its own; they are "
                       "evaluated beside these and saved as model-average.safetensors; 0: none",
                   .binding = fraction([](auto& o) -> auto& { return o.training.method.average; })});
}

}  // namespace sibp
