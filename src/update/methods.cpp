#include "sibp/update/methods.hpp"

#include "sibp/update/gradient_descent.hpp"
#include "sibp/update/proxprop.hpp"
#include "sibp/update/published.hpp"
#include "sibp/update/semi_implicit.hpp"

#include <algorithm>

namespace sibp {

std::string_view name_of(Method method) {
  switch (method) {
    case Method::sibp:
      return "sibp";
    case Method::published:
      return "published";
    case Method::proxprop:
      return "proxprop";
    case Method::sgd:
      return "sgd";
    case Method::adam:
      return "adam";
  }
  return "unknown";
}

std::string_view name_of(Optimiser optimiser) {
  return optimiser == Optimiser::sgd ? "sgd" : "adam";
}

MethodOptions default_options(Method method, Optimiser outer) {
  MethodOptions options;
  options.method = method;
  options.outer = outer;
  if (method == Method::sgd) options.momentum = 0.9;
  if (method == Method::published) options.damping = {Damping::Kind::absolute, 1};
  if (method == Method::proxprop && outer == Optimiser::sgd) {
    options.momentum = 0.95;
    options.nesterov = true;
  }
  if (method == Method::proxprop && outer == Optimiser::adam) options.tau = 1;
  return options;
}

bool has_convolutions(const NetworkSpec& spec) {
  return std::ranges::any_of(spec.maps, [](const MapShape& map) { return map.columns > 1; });
}

MethodOptions settled(MethodOptions options, const NetworkSpec& spec) {
  const bool convolves = has_convolutions(spec);
  const bool is_sibp = options.method == Method::sibp;
  if (!options.step) options.step = {.kind = convolves ? StepRule::Kind::relative : StepRule::Kind::fixed};
  if (!options.momentum) options.momentum = is_sibp && convolves ? 0.9 : 0;
  return options;
}

double default_step_size(const MethodOptions& options, const NetworkSpec& spec) {
  switch (options.method) {
    case Method::sibp:
      return has_convolutions(spec) ? 0.5 : std::min(1.0, 4.0 / static_cast<double>(spec.maps.size()));
    case Method::published:
      return 0.1;
    case Method::proxprop:
      return options.outer == Optimiser::sgd ? 1 : 1e-3;
    case Method::sgd:
      return has_convolutions(spec) ? 0.05 : 0.1;
    case Method::adam:
      return 1e-3;
  }
  return 0;
}

std::unique_ptr<UpdateRule> make_update_rule(const UpdateContext& context, const NetworkSpec& spec,
                                             const MethodOptions& given, const BatchCapacity& batch) {
  const MethodOptions options = settled(given, spec);
  switch (options.method) {
    case Method::sibp:
      return make_semi_implicit(context, spec,
                                {.damping = options.damping,
                                 .carry = options.carry,
                                 .forms = options.forms,
                                 .batch = batch,
                                 .refresh = options.refresh,
                                 .convolution = options.convolution,
                                 .step = *options.step,
                                 .momentum = *options.momentum,
                                 .weight_decay = options.weight_decay});
    case Method::published:
      if (options.damping.kind != Damping::Kind::absolute) {
        throw_usage_error("--damping: --method published has absolute:LAMBDA only");
      }
      return make_published(context, spec, options.damping.value);
    case Method::proxprop:
      return make_proxprop(context, spec, options, batch);
    case Method::sgd:
      return make_gradient_descent(context, spec, Optimiser::sgd, options);
    case Method::adam:
      return make_gradient_descent(context, spec, Optimiser::adam, options);
  }
  throw_usage_error("--method: not a method of training");
}

}  // namespace sibp
