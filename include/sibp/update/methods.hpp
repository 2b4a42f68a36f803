#pragma once

#include "sibp/update/method_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>

namespace sibp {

/// Whether a map of the network has more than one column a sample. Local.
bool has_convolutions(const NetworkSpec& spec);

/// The update rule of the method that `options` name, with their parameters. Local.
/// Throws Error (usage) naming the option if a parameter does not fit the method.
std::unique_ptr<UpdateRule> make_update_rule(const UpdateContext& context, const NetworkSpec& spec,
                                             const MethodOptions& options, const BatchCapacity& batch);

}  // namespace sibp
