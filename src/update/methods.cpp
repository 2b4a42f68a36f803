// The methods by their names. A new method is declared and listed here.
#include "sibp/update/methods.hpp"

#include "sibp/core/words.hpp"

#include "update/method_traits.hpp"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {

extern const MethodTraits adamw_method;
extern const MethodTraits kfac_method;
extern const MethodTraits muon_method;

const std::vector<Method>& all_methods() {
  static const std::vector<Method> methods{
      Method(sibp_method), Method(published_method), Method(proxprop_method), Method(sgd_method),
      Method(adam_method), Method(adamw_method),     Method(muon_method),     Method(kfac_method),
  };
  return methods;
}

std::string_view name_of(Method method) {
  return method.traits().name;
}

std::string methods_in_words(const std::function<bool(Method)>& belongs) {
  std::vector<std::string_view> names;
  for (const Method method : all_methods())
    if (belongs(method)) names.push_back(name_of(method));
  return in_words(names, "or");
}

bool has_parameter(const MethodOptions& options, std::string_view parameter) {
  const MethodTraits& traits = options.method.traits();
  const auto is_among = [&](std::string_view names) {
    return std::ranges::any_of(names | std::views::split(' '),
                               [&](auto name) { return std::ranges::equal(name, parameter); });
  };
  return is_among(traits.parameters) ||
         (traits.parameters_of_outer != nullptr && is_among(traits.parameters_of_outer(options.outer)));
}

std::string methods_with(std::string_view parameter) {
  std::vector<std::string> names;
  for (const Method method : all_methods()) {
    const auto has_with = [&](Optimiser outer) { return has_parameter(default_options(method, outer), parameter); };
    const bool with_sgd = has_with(Optimiser::sgd);
    const bool with_adam = has_with(Optimiser::adam);
    if (with_sgd && with_adam) {
      names.emplace_back(name_of(method));
    } else if (with_sgd || with_adam) {
      names.push_back(fmt::format("{}/{}", name_of(method), name_of(with_sgd ? Optimiser::sgd : Optimiser::adam)));
    }
  }
  return fmt::format("{}", fmt::join(names, " "));
}

std::string_view name_of(Optimiser optimiser) {
  return optimiser == Optimiser::sgd ? "sgd" : "adam";
}

MethodOptions default_options(Method method, Optimiser outer) {
  MethodOptions options;
  options.method = method;
  options.outer = outer;
  if (const auto set_defaults = method.traits().set_defaults) set_defaults(options);
  return options;
}

bool has_convolutions(const NetworkSpec& spec) {
  return std::ranges::any_of(spec.maps, [](const MapShape& map) { return map.columns > 1; });
}

MethodOptions settled(MethodOptions options, const NetworkSpec& spec, Index batch) {
  if (const auto settle = options.method.traits().settle) settle(options, spec, batch);
  if (!options.step) options.step = StepRule{};
  if (!options.damping) options.damping = Damping{};
  if (!options.weight_decay) options.weight_decay = 0;
  if (!options.momentum) options.momentum = 0;
  if (!options.momentum_of_gradient) options.momentum_of_gradient = options.step->is_polar();
  if (!options.nesterov) options.nesterov = options.step->is_polar() && *options.momentum_of_gradient;
  return options;
}

double default_step_size(const MethodOptions& options, const NetworkSpec& spec) {
  return options.method.traits().step_size(options, spec);
}

double default_weight_decay(const MethodOptions& options, const NetworkSpec& spec, double eta, Index batch,
                            Index samples) {
  const auto weight_decay = options.method.traits().weight_decay;
  if (weight_decay == nullptr) return 0;
  return std::min(1.0, eta / default_step_size(options, spec)) * weight_decay(spec, batch, samples);
}

std::unique_ptr<UpdateRule> make_update_rule(const UpdateContext& context, const NetworkSpec& spec,
                                             const MethodOptions& options, const BatchCapacity& batch) {
  return options.method.traits().make(context, spec, settled(options, spec, batch.global_batch), batch);
}

}  // namespace sibp
