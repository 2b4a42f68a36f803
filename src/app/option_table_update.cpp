// The options of the update: of semi-implicit back propagation, and of what all methods have.

#include "app/option_bindings.hpp"

#include <algorithm>

namespace sibp {
namespace {

constexpr std::string_view group = "Update (train)";

template <class Member>
Binding damping_binding(Member member) {
  const auto set = [=](Options& options, const std::string& text) {
    const auto colon = text.find(':');
    const std::string kind = text.substr(0, colon);
    const auto value = colon == std::string::npos ? std::nullopt : parse_positive(text.substr(colon + 1));
    if (!value || (kind != "relative" && kind != "absolute")) {
      throw Unexpected{"relative:RHO or absolute:LAMBDA with a number above 0"};
    }
    member(options) = {kind == "relative" ? Damping::Kind::relative : Damping::Kind::absolute, *value};
  };
  const auto get = [=](const Options& options) -> std::optional<std::string> {
    const Damping& damping = member(options);
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
      if (!form) throw Unexpected{"auto, or one of normal, activations, dual and dual-split for all layers or each"};
      options.training.method.forms.push_back(*form);
      first = comma + 1;
    }
  };
  const auto get = [](const Options& options) -> std::optional<std::string> {
    return options.training.method.forms.empty() ? "auto" : to_text(options.training.method.forms);
  };
  return {set, get};
}

/// Says nothing of how a mean is formed where there is none.
Binding of_mean(Binding binding) {
  return unless([](const Options& o) { return o.training.method.refresh.every == 1; }, std::move(binding));
}

void append_gram_options(OptionTable& table) {
  table.push_back({.name = "gram-every",
                   .group = group,
                   .value_name = "T",
                   .help =
                       "forms normal and activations: steps from one Gram matrix to the next; above 1 it is a running "
                       "mean over batches",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.method.refresh.every; }, 1),
                   .methods = "sibp"});
  table.push_back({.name = "gram-average",
                   .group = group,
                   .value_name = "BETA",
                   .help = "with --gram-every: what the mean so far keeps of its weight when a batch is added",
                   .binding = of_mean(fraction([](auto& o) -> auto& { return o.training.method.refresh.average; })),
                   .without_default = "0.95",
                   .methods = "sibp"});
  table.push_back({.name = "gram-burn-in",
                   .group = group,
                   .value_name = "N",
                   .help = "with --gram-every: first steps, which take the Gram matrix of their own batch",
                   .binding = of_mean(integer(
                       [](auto& o) -> auto& { return o.training.method.refresh.burn_in; }, 0)),
                   .without_default = "50",
                   .methods = "sibp"});
  table.push_back(
      {.name = "gram-damping",
       .group = group,
       .value_name = "KIND",
       .help = "with --gram-every: as --damping, for the steps after these",
       .binding = of_mean(damping_binding([](auto& o) -> auto& { return o.training.method.refresh.damping; })),
       .without_default = "relative:3",
       .methods = "sibp"});
}

}  // namespace

void append_update_options(OptionTable& table) {
  table.push_back({.name = "eta",
                   .group = group,
                   .value_name = "ETA",
                   .help = "step size on the neurons; published: 0.1 by default",
                   .binding = positive([](auto& o) -> auto& { return o.training.eta; }),
                   .without_default = "min(1, 4 / layers)",
                   .methods = "sibp published"});
  table.push_back(
      {.name = "damping",
       .group = group,
       .value_name = "KIND",
       .help = "proximal weight of a layer: relative:RHO times the mean diagonal of its system, or absolute:LAMBDA; "
               "published: absolute:1 by default",
       .binding = damping_binding([](auto& o) -> auto& { return o.training.method.damping; }),
       .methods = "sibp published"});
  table.push_back({.name = "form",
                   .group = group,
                   .value_name = "FORMS",
                   .help = "how the update is computed: auto, normal, activations, dual or dual-split; also by layer, "
                           "dual,dual,normal",
                   .binding = form_binding(),
                   .commands = network_commands,
                   .methods = "sibp proxprop",
                   .on_resume = OnResume::free});
  table.push_back({.name = "carry",
                   .group = group,
                   .value_name = "WEIGHTS",
                   .help = "new or old: the weights that carry the difference backward",
                   .binding = choice(
                       [](auto& o) -> auto& { return o.training.method.carry; },
                       Names<Carry>{{"new", Carry::new_weights}, {"old", Carry::old_weights}}),
                   .commands = network_commands,
                   .methods = "sibp"});
  append_gram_options(table);
  table.push_back(
      {.name = "schedule",
       .group = group,
       .value_name = "NAME",
       .help = "of eta or the learning rate over the run: linear (to zero), constant or cosine (to zero)",
       .binding = choice(
           [](auto& o) -> auto& { return o.training.schedule; },
           Names<Schedule>{
               {"linear", Schedule::linear}, {"constant", Schedule::constant}, {"cosine", Schedule::cosine}})});
  table.push_back({.name = "warmup-steps",
                   .group = group,
                   .value_name = "N",
                   .help = "steps over which eta or the learning rate rises first",
                   .binding = integer(
                       [](auto& o) -> auto& { return o.training.warmup_steps; }, 0)});
}

}  // namespace sibp
