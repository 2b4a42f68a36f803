#include "app/run/method_choice.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/error.hpp"
#include "sibp/trainer/memory_model.hpp"
#include "sibp/update/calibration.hpp"
#include "sibp/update/methods.hpp"
#include "sibp/update/nominal_rates.hpp"

#include "app/cli/option_table.hpp"
#include "update/method_traits.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

/// Whether steps are measured or gradients averaged.
bool needs_gradient(const MethodOptions& method, const NetworkSpec& spec) {
  const MethodOptions chosen = settled(method, spec);
  return chosen.step->measures() || (*chosen.momentum_of_gradient && *chosen.momentum > 0);
}

void check_options_of_convolutions(const Options& options, const NetworkSpec& spec) {
  if (has_convolutions(spec)) return;
  for (const std::string_view name : options.on_command_line) {
    if (!find_option(name)->of_convolutions) continue;
    throw_usage_error(
        fmt::format("--{}: means nothing to the network {}, which has no convolutions", name, short_name(spec)));
  }
}

void check_layers(Method method, const NetworkSpec& spec) {
  if (!method.traits().has_dense_layers_alone) return;
  for (const Node& node : spec.nodes) {
    const auto map = node.layer->map();
    if (map && map->columns == 1) continue;
    throw_usage_error(fmt::format(
        "--method: found {}, which has dense layers alone, with the layer {}; expected {}", name_of(method),
        node.layer->text(), methods_in_words([](Method other) { return !other.traits().has_dense_layers_alone; })));
  }
}

void check_forms(const MethodOptions& method, const NetworkSpec& spec) {
  const std::vector<Form>& given = method.forms;
  if (given.size() > 1 && given.size() != spec.maps.size())
    throw_usage_error(
        fmt::format("--form names {} forms, but the network has {} layers; name one for all or one for each",
                    given.size(), spec.maps.size()));
  for (std::size_t i = 0; i < given.size() && given.size() > 1; ++i) {
    if (!fits(given[i], spec.maps[i]))
      throw_usage_error(fmt::format("--form: found {} for layer {}, a convolution; expected {}", name_of(given[i]),
                                    i + 1, forms_in_words([&](Form form) { return fits(form, spec.maps[i]); }, "or")));
  }
  if (needs_gradient(method, spec) && !std::ranges::all_of(given, has_gradient))
    throw_usage_error(fmt::format(
        "--form: found {} with relative steps, those of a polar factor or momentum of gradients; convolutions "
        "have these unless --step is given; expected auto or {}, or --step fixed without such momentum",
        to_text(given), forms_in_words(has_gradient, "or")));
}

void check_momentum(const MethodOptions& method, const NetworkSpec& spec) {
  if (!method.momentum_of_gradient.value_or(false) || *settled(method, spec).momentum > 0) return;
  throw_usage_error("--momentum-of: found gradient with --momentum 0, expected a momentum above 0, such as 0.9");
}

/// The form of less work on one rank: no clock and no number of ranks may decide.
std::vector<Form> reproducible_forms(const Options& options, const NetworkSpec& spec) {
  std::vector<Form> forms;
  forms.reserve(spec.maps.size());
  for (const MapShape& map : spec.maps)
    forms.push_back(map.columns == 1 && options.training.batch < map.outputs ? Form::activations : Form::normal);
  spdlog::info("reproducible: forms {}", to_text(forms));
  return forms;
}

/// The rates that decide: nominal ones, or those of a short calibration. Collective.
MachineRates rates_of_choice(bool measures, const Compute& compute, const Communicator& world) {
  if (measures) return calibrate(*compute.device, compute.communicator);
  const bool on_one_node = make_node_communicator().size() == world.size();
  return nominal_rates({.ranks = world.size(),
                        .threads = compute.threads.threads,
                        .has_gpus = compute.on_gpus,
                        .several_nodes = !world.all_agree(on_one_node),
                        .shares_memory = compute.communicator.make_all_gather(*compute.device, 1)->in_shared_memory()});
}

/// Whether all ranks have the same kernels and threads for products. Collective.
bool are_alike(const Compute& compute, const Communicator& world) {
  const std::string arithmetic = fmt::format("{}, {} threads", compute.device->description(), compute.threads.threads);
  return world.all_agree(world.broadcast(arithmetic) == arithmetic);
}

/// The node of each rank. Collective.
std::vector<int> nodes_of(const Communicator& world) {
  return world.all_gather(std::int32_t{make_node_communicator().min(std::int32_t{world.rank()})});
}

/// What the rates say of the forms of each map, and of those not chosen.
void log_choice(const std::vector<Form>& forms, const std::vector<Form>& candidates, const NetworkSpec& spec,
                const StepShape& shape, const MachineRates& rates, std::string_view origin) {
  spdlog::info("{} rates: products {:.0f} GFLOP/s; all-reduce {:.1f} µs and {:.1f} GB/s, gather {:.1f} GB/s", origin,
               rates.gemm[2] / 1e9, 1e6 * rates.latency_seconds, rates.reduce_bytes / 1e9, rates.gather_bytes / 1e9);
  for (std::size_t i = 0; i < forms.size(); ++i) {
    std::string others;
    for (const Form form : candidates) {
      const LayerInStep step{spec.maps[i], i == 0, shape};
      if (fits(form, step.layer))
        others += fmt::format("  {} {:.2f}", name_of(form), 1e3 * semi_implicit_cost(form, step, rates).seconds());
    }
    spdlog::info("layer {}: form {}; ms a step by these rates:{}", i + 1, name_of(forms[i]), others);
  }
}

}  // namespace

void check_method(const Options& options, const NetworkSpec& spec) {
  check_options_of_convolutions(options, spec);
  const MethodOptions& method = options.training.method;
  check_layers(method.method, spec);
  check_forms(method, spec);
  check_momentum(method, spec);
}

std::vector<Form> fixed_forms(const MethodOptions& method, const NetworkSpec& spec) {
  const std::vector<Form>& given = method.forms;
  if (given.size() == 1) return everywhere_it_fits(given.front(), spec);
  if (!given.empty()) return given;
  // The form normal alone measures how far a step moves the neurons.
  if (needs_gradient(method, spec)) return std::vector<Form>(spec.maps.size(), Form::normal);
  return {};
}

void compare_ranks(MethodOptions& method, const Compute& compute, const Communicator& world) {
  method.ranks_are_alike = are_alike(compute, world);
  if (method.ranks_are_alike || !method.method.traits().needs_alike_ranks) return;
  throw AgreedError(ExitStatus::usage,
                    fmt::format("--method {}: every rank computes the polar factors or inverses of this method for "
                                "itself, but the ranks' processors or threads differ, and so would their weights; use "
                                "equal nodes and --threads, or choose another",
                                name_of(method.method)));
}

bool owners_may_solve(const MethodOptions& method, const NetworkSpec& spec, Wire wire) {
  return !settled(method, spec).step->is_polar() && wire == Wire::float32;
}

StepPlan plan_of(const Options& options, const NetworkSpec& spec, const Compute& compute, const Communicator& world) {
  const MethodOptions& method = options.training.method;
  if (!method.method.traits().has_forms) return {};
  PlanChoices choices{.candidates = {},
                      .forms = fixed_forms(method, spec),
                      .owners = method.method.traits().has_owners ? method.owners : Owners::all,
                      .owners_may_solve = owners_may_solve(method, spec, options.sums.wire),
                      .nodes_of_ranks = {}};
  if (choices.forms.empty() && options.reproducible) choices.forms = reproducible_forms(options, spec);
  const bool chooses_forms = choices.forms.empty();
  if (!chooses_forms && (world.size() == 1 || choices.owners == Owners::all)) return {choices.forms, {}};
  const bool measures = method.measures_forms;
  const MachineRates rates = rates_of_choice(measures, compute, world);
  const StepShape shape = step_shape(options.training, world.size(), options.sums.wire);
  choices.candidates = candidates_on(shape, method.ranks_are_alike);
  const std::vector<int> nodes = nodes_of(world);
  choices.nodes_of_ranks = nodes;
  StepPlan plan = make_step_plan(spec, shape, rates, choices);
  plan.forms = forms_from_text(world.broadcast(to_text(plan.forms))).value();  // rank 0 decides
  plan.places = places_from_text(world.broadcast(to_text(plan.places))).value();
  if (chooses_forms) log_choice(plan.forms, choices.candidates, spec, shape, rates, measures ? "measured" : "nominal");
  if (!plan.places.empty()) spdlog::info("owners of the layers' systems, s where they solve: {}", to_text(plan.places));
  return plan;
}

}  // namespace sibp
