#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/update/step_plan.hpp"

#include "app/run/session.hpp"

#include <vector>

namespace sibp {

/// Sees that the method of the options, its parameters and its forms are for such a network. Local. Throws Error
/// (usage) naming the option that is not.
void check_method(const Options& options, const NetworkSpec& spec);

/// The forms of the update, one for each map, where the options or the method leave no choice; none where they are to
/// be chosen. Local.
std::vector<Form> fixed_forms(const MethodOptions& method, const NetworkSpec& spec);

/// The forms of the update and the owners of its systems: what is fixed, or the cheapest by nominal rates, or by a
/// short calibration where the options ask for that; none for a method without proximal solves. The log says what
/// decided. By nominal rates they are a function of the options, the network and the kind of machine: the same again,
/// however busy it is. To be called after compare_ranks(). Collective.
StepPlan plan_of(const Options& options, const NetworkSpec& spec, const Compute& compute, const Communicator& world);

/// Whether one rank may be left to solve alone where nothing is said of it: not where every rank needs the factor for a
/// polar factor, or where sums are rounded to travel, as these go to one rank the long way. Local.
bool owners_may_solve(const MethodOptions& method, const NetworkSpec& spec, Wire wire);

/// Notes whether ranks have the same arithmetic. Collective. Throws AgreedError (usage) if they have not and the method
/// needs it, as each computes products of the update for itself.
void compare_ranks(MethodOptions& method, const Compute& compute, const Communicator& world);

}  // namespace sibp
