#include "sibp/update/step_plan.hpp"

#include "sibp/update/step_prediction.hpp"

#include "update/form_traits.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>
#include <numeric>
#include <tuple>

#include <fmt/format.h>

namespace sibp {
namespace {

/// One way to compute the update of a map; of its owner only that there is one is known.
struct Way {
  Form form = Form::normal;
  SystemPlace place{};
};

class Planner {
 public:
  Planner(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates, const PlanChoices& choices)
      : spec_(spec), shape_(shape), rates_(rates), choices_(choices) {}

  /// The cheapest way of each map, with owners if there are to be any and they are of use to that map.
  [[nodiscard]] StepPlan plan(Owners owners) const {
    StepPlan plan;
    for (std::size_t i = 0; i < spec_.maps.size(); ++i) {
      const std::vector<Way> ways = ways_of(i, owners);
      const auto& [form, place] = *std::ranges::min_element(ways, {}, [&](const Way& way) { return seconds(i, way); });
      plan.forms.push_back(form);
      plan.places.push_back(place);
    }
    deal_owners(plan);
    return plan;
  }

  [[nodiscard]] double seconds(const StepPlan& plan) const {
    return predict_step(spec_, shape_, rates_, plan).seconds();
  }

 private:
  [[nodiscard]] std::vector<Form> forms_of(std::size_t i) const {
    if (!choices_.forms.empty()) return {choices_.forms.at(i)};
    std::vector<Form> fitting;
    std::ranges::copy_if(choices_.candidates, std::back_inserter(fitting),
                         [&](Form form) { return fits(form, spec_.maps[i]); });
    return fitting.empty() ? std::vector{Form::normal} : fitting;
  }

  [[nodiscard]] std::vector<Way> ways_of(std::size_t i, Owners owners) const {
    std::vector<Way> ways;
    for (const Form form : forms_of(i)) {
      const bool has_owner = has_gram(form) && owners != Owners::all && shape_.ranks > 1;
      const bool may_solve = has_owner && form.traits().lets_owner_solve;
      const bool must_solve = may_solve && owners == Owners::solving;
      if (!has_owner || owners == Owners::automatic) ways.push_back({form});
      if (has_owner && !must_solve) ways.push_back({form, {.owner = 0}});
      const bool chooses_to = owners == Owners::automatic && choices_.owners_may_solve;
      if (may_solve && (must_solve || chooses_to)) ways.push_back({form, {.owner = 0, .owner_solves = true}});
    }
    return ways;
  }

  /// With an even share of the owner's work, as if it were dealt evenly.
  [[nodiscard]] double seconds(std::size_t i, const Way& way) const {
    const LayerCost cost = semi_implicit_cost(way.form, {spec_.maps[i], i == 0, shape_, way.place}, rates_);
    const auto workers = std::min(static_cast<double>(shape_.ranks), static_cast<double>(spec_.maps.size()));
    return cost.seconds() + cost.seconds_owned / workers;
  }

  void deal_owners(StepPlan& plan) const {
    std::vector<std::size_t> maps;
    std::vector<double> work;
    for (std::size_t i = 0; i < plan.places.size(); ++i) {
      if (!plan.places[i].owner) continue;
      maps.push_back(i);
      const LayerInStep layer{spec_.maps[i], i == 0, shape_, plan.places[i]};
      work.push_back(semi_implicit_cost(plan.forms[i], layer, rates_).flops_owned);
    }
    if (maps.empty()) {
      plan.places.clear();
      return;
    }
    const std::vector<int> owners = deal_longest_first(work, choices_.nodes_of_ranks);
    for (std::size_t k = 0; k < maps.size(); ++k) plan.places[maps[k]].owner = owners[k];
  }

  const NetworkSpec& spec_;
  const StepShape& shape_;
  const MachineRates& rates_;
  const PlanChoices& choices_;
};

}  // namespace

std::string_view name_of(Owners owners) {
  switch (owners) {
    case Owners::automatic:
      return "auto";
    case Owners::all:
      return "all";
    case Owners::factorising:
      return "factor";
    case Owners::solving:
      return "solve";
  }
  return "";
}

std::vector<int> deal_longest_first(std::span<const double> work, std::span<const int> nodes_of_ranks) {
  std::vector<std::size_t> order(work.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t k) { return work[k]; });
  std::vector<double> of_rank(nodes_of_ranks.size(), 0.0);
  const int nodes = nodes_of_ranks.empty() ? 0 : std::ranges::max(nodes_of_ranks) + 1;
  std::vector<double> of_node(static_cast<std::size_t>(nodes), 0.0);
  std::vector<int> ranks(work.size());
  const auto load = [&](std::size_t q) {
    return std::tuple(of_rank[q], of_node[static_cast<std::size_t>(nodes_of_ranks[q])], q);
  };
  for (const std::size_t k : order) {
    std::size_t least = 0;
    for (std::size_t q = 1; q < of_rank.size(); ++q)
      if (load(q) < load(least)) least = q;
    of_rank[least] += work[k];
    of_node[static_cast<std::size_t>(nodes_of_ranks[least])] += work[k];
    ranks[k] = static_cast<int>(least);
  }
  return ranks;
}

std::vector<int> nodes_of_neighbours(int ranks, int ranks_per_node) {
  std::vector<int> nodes(static_cast<std::size_t>(ranks));
  for (int q = 0; q < ranks; ++q) nodes[static_cast<std::size_t>(q)] = q / ranks_per_node;
  return nodes;
}

StepPlan make_step_plan(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates,
                        const PlanChoices& choices) {
  const Planner planner(spec, shape, rates, choices);
  StepPlan replicated = planner.plan(Owners::all);
  if (choices.owners == Owners::all || shape.ranks == 1) return replicated;
  StepPlan owned = planner.plan(choices.owners);
  const bool may_do_without = choices.owners == Owners::automatic;
  return may_do_without && planner.seconds(replicated) <= planner.seconds(owned) ? replicated : owned;
}

std::string to_text(const std::vector<SystemPlace>& places) {
  std::string text;
  for (const SystemPlace& place : places) {
    if (!text.empty()) text += ',';
    text += place.owner ? fmt::format("{}{}", *place.owner, place.owner_solves ? "s" : "") : "-";
  }
  return text;
}

std::optional<std::vector<SystemPlace>> places_from_text(std::string_view text) {
  std::vector<SystemPlace> places;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view word = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    SystemPlace& place = places.emplace_back();
    if (word == "-") continue;
    place.owner_solves = word.ends_with('s');
    if (place.owner_solves) word.remove_suffix(1);
    int owner = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), owner);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    place.owner = owner;
  }
  return places;
}

}  // namespace sibp
