#include "sibp/layer/activation_plan.hpp"

#include <algorithm>
#include <numeric>

namespace sibp {
namespace {

constexpr std::size_t none = ActivationPlan::none;

/// The nodes that read each tensor, in their order.
std::vector<std::vector<std::size_t>> readers_of(const NetworkSpec& spec) {
  std::vector<std::vector<std::size_t>> readers(spec.nodes.size() + 1);
  for (std::size_t node = 0; node < spec.nodes.size(); ++node)
    for (const std::size_t tensor : spec.nodes[node].inputs) readers[tensor].push_back(node);
  return readers;
}

class Planner {
 public:
  explicit Planner(const NetworkSpec& spec) : spec_(spec), readers_(readers_of(spec)) {}

  ActivationPlan plan() {
    place_tensors();
    place_differences();
    note_additions();
    return std::move(plan_);
  }

 private:
  struct Lifetime {
    std::size_t group = 0;
    std::size_t first = 0;  ///< the node whose step back writes the difference first: the highest number
    std::size_t last = 0;   ///< the node whose step back reads it last
    Index rows = 0;
  };

  [[nodiscard]] bool has_one_reader(std::size_t tensor) const { return tensor > 0 && readers_[tensor].size() == 1; }

  /// Whether the output of `node` takes the place of its first input.
  [[nodiscard]] bool is_in_place(std::size_t node) const {
    const Node& reader = spec_.nodes[node];
    const std::size_t input = reader.inputs.front();
    return reader.layer->works_in_place() && has_one_reader(input) && !spec_.nodes[input - 1].layer->needs_output();
  }

  void place_tensors() {
    plan_.tensor = {none};
    for (std::size_t node = 0; node < spec_.nodes.size(); ++node) {
      if (is_in_place(node)) {
        plan_.tensor.push_back(plan_.tensor[spec_.nodes[node].inputs.front()]);
      } else {
        plan_.tensor.push_back(plan_.tensors.size());
        plan_.tensors.push_back({spec_.shape(node + 1).size(), false});
      }
    }
    for (const Node& node : spec_.nodes) {
      const std::size_t place = plan_.tensor[node.inputs.front()];
      if (node.layer->reads_ones() && place != none) plan_.tensors[place].has_ones = true;
    }
  }

  /// Tensors whose differences are one and the same memory, from the one that is written last on the way back.
  [[nodiscard]] std::vector<Lifetime> lifetimes() {
    std::vector<Lifetime> groups;
    plan_.difference = {none};
    for (std::size_t node = 0; node < spec_.nodes.size(); ++node) {
      const std::size_t tensor = node + 1;
      const std::size_t input = spec_.nodes[node].inputs.front();
      const std::size_t first = readers_[tensor].empty() ? spec_.nodes.size() : readers_[tensor].back();
      const bool joins = spec_.nodes[node].layer->carries_in_place() && has_one_reader(input);
      const std::size_t group = joins ? plan_.difference[input] : groups.size();
      if (!joins) groups.push_back({group, first, node, spec_.shape(tensor).size()});
      groups[group].first = std::max(groups[group].first, first);
      plan_.difference.push_back(group);
    }
    return groups;
  }

  void place_differences() {
    std::vector<Lifetime> groups = lifetimes();
    std::vector<std::size_t> place_of(groups.size());
    std::vector<std::size_t> free_from;  // by place: the node whose step back reads it last
    std::ranges::stable_sort(groups, [](const Lifetime& a, const Lifetime& b) { return a.first > b.first; });
    for (const Lifetime& group : groups) {
      std::size_t best = none;
      for (std::size_t place = 0; place < free_from.size(); ++place)
        if (free_from[place] > group.first &&
            (best == none || is_better(plan_.differences[place].rows, plan_.differences[best].rows, group.rows)))
          best = place;
      if (best == none) {
        best = free_from.size();
        free_from.push_back(0);
        plan_.differences.push_back({});
      }
      free_from[best] = group.last;
      plan_.differences[best].rows = std::max(plan_.differences[best].rows, group.rows);
      place_of[group.group] = best;
    }
    for (std::size_t& group : plan_.difference)
      if (group != none) group = place_of[group];
  }

  /// Of places with `a` and `b` rows, whether `a` suits `rows` better: the smallest that holds them, else the largest.
  static bool is_better(Index a, Index b, Index rows) {
    if ((a >= rows) != (b >= rows)) return a >= rows;
    return a >= rows ? a < b : a > b;
  }

  void note_additions() {
    for (std::size_t node = 0; node < spec_.nodes.size(); ++node) {
      std::vector<bool> adds;
      for (const std::size_t tensor : spec_.nodes[node].inputs) adds.push_back(readers_[tensor].back() > node);
      plan_.adds.push_back(std::move(adds));
    }
  }

  const NetworkSpec& spec_;
  std::vector<std::vector<std::size_t>> readers_;
  ActivationPlan plan_;
};

}  // namespace

Index ActivationPlan::elements() const {
  const auto sum = [](const std::vector<Place>& places) {
    return std::accumulate(places.begin(), places.end(), Index{0}, [](Index total, const Place& place) {
      return total + place.rows + (place.has_ones ? 1 : 0);
    });
  };
  return sum(tensors) + sum(differences);
}

ActivationPlan plan_activations(const NetworkSpec& spec) {
  return Planner(spec).plan();
}

}  // namespace sibp
