#pragma once

#include "sibp/update/cost_model.hpp"

#include <span>
#include <vector>

namespace sibp {

/// How the updates of a network's maps are computed over ranks: by map.
struct StepPlan {
  std::vector<Form> forms;
  std::vector<SystemPlace> places;  ///< none: no system has an owner

  [[nodiscard]] SystemPlace place_of(std::size_t map) const { return places.empty() ? SystemPlace{} : places.at(map); }
};

/// What there is to choose from.
struct PlanChoices {
  std::vector<Form> candidates;  ///< for every map that they fit; normal for the others
  std::vector<Form> forms{};     ///< by map; none: to be chosen among the candidates
  Owners owners = Owners::automatic;
  bool owners_may_solve = true;         ///< Owners::automatic may choose SystemPlace::owner_solves
  std::span<const int> nodes_of_ranks;  ///< the node of each rank
};

/// Deals pieces of work to ranks: the longest first, each to the rank that has least so far; of several of these to one
/// on the node that has least. Returns the rank of each piece. Local.
std::vector<int> deal_longest_first(std::span<const double> work, std::span<const int> nodes_of_ranks);

/// The nodes of so many ranks, of which neighbours are on one node. Local.
std::vector<int> nodes_of_neighbours(int ranks, int ranks_per_node);

/// The plan of least predicted seconds: the trainer's, and that of the command plan. Local: decide on one rank and
/// broadcast, as a tie may end differently elsewhere.
StepPlan make_step_plan(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates,
                        const PlanChoices& choices);

/// "-" for a map without an owner; else the owner's rank, with "s" behind it if that solves: "-,3,0s". Local.
std::string to_text(const std::vector<SystemPlace>& places);
/// The places of such a text; nothing if it is none. Local.
std::optional<std::vector<SystemPlace>> places_from_text(std::string_view text);

}  // namespace sibp
