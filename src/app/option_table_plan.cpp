// The options of plan: the machine that it looks at.

#include "app/option_bindings.hpp"

#include <algorithm>

namespace sibp {
namespace {

constexpr std::string_view plan_group = "Other machines (plan)";
constexpr std::string_view plan_command = "plan";

/// Whole numbers with commas between.
Binding nodes_binding() {
  const auto set = [](Options& options, const std::string& text) {
    options.plan.nodes.clear();
    for (std::size_t first = 0; first <= text.size();) {
      const std::size_t comma = std::min(text.find(',', first), text.size());
      const auto nodes = parse_number<Index>(std::string_view(text).substr(first, comma - first));
      if (!nodes || *nodes < 1 || *nodes > 1'000'000) {
        throw Unexpected{"numbers of nodes from 1 to 1000000 with commas between, for example 1,2,4"};
      }
      options.plan.nodes.push_back(*nodes);
      first = comma + 1;
    }
  };
  const auto get = [](const Options& options) -> std::optional<std::string> {
    return fmt::format("{}", fmt::join(options.plan.nodes, ","));
  };
  return {set, get};
}

/// Numbers of nodes, doubled as far as the last, and the ranks on each.
Binding topology_binding() {
  const auto set = [](Options& options, const std::string& text) {
    const std::size_t times = text.find('x');
    const auto nodes = parse_number<Index>(std::string_view(text).substr(0, times));
    const auto ranks = times == std::string::npos ? std::nullopt : parse_number<Index>(text.substr(times + 1));
    if (!nodes || !ranks || *nodes < 1 || *nodes > 1'000'000 || *ranks < 1 || *ranks > 1000)
      throw Unexpected{"nodes and ranks on each, NODESxRANKS, for example 128x8"};
    options.plan.nodes.clear();
    for (Index count = 1; count < *nodes; count *= 2) options.plan.nodes.push_back(count);
    options.plan.nodes.push_back(*nodes);
    options.plan.ranks_per_node = *ranks;
  };
  return {set, [](const Options&) -> std::optional<std::string> { return std::nullopt; }};
}

OptionEntry plan_entry(std::string_view name, std::string_view value_name, std::string_view help, Binding binding,
                       std::string_view without_default = "") {
  return {.name = name,
          .group = plan_group,
          .value_name = value_name,
          .help = help,
          .binding = std::move(binding),
          .place = Place::unsaved,
          .commands = plan_command,
          .without_default = without_default};
}

}  // namespace

void append_plan_options(OptionTable& table) {
  table.push_back(
      plan_entry("nodes", "LIST", "numbers of nodes; the first is what efficiency is measured by", nodes_binding()));
  table.back().excludes = "topology";
  table.push_back(plan_entry("ranks-per-node", "R", "ranks on each node",
                             integer(
                                 [](auto& o) -> auto& { return o.plan.ranks_per_node; }, 1, 1000)));
  table.push_back(plan_entry("topology", "NODESxRANKS",
                             "1, 2, 4 and so on to so many nodes with so many ranks each, in place of --nodes and "
                             "--ranks-per-node",
                             topology_binding(), "none"));
  table.back().excludes = "nodes";
  table.push_back(plan_entry("node-bandwidth", "RATE", "bytes a second that a rank sends to others on its node",
                             positive([](auto& o) -> auto& { return o.plan.node_bandwidth; }), "that of the link"));
  table.push_back(plan_entry("flops", "RATE", "operations a second of one rank, in products of matrices",
                             positive([](auto& o) -> auto& { return o.plan.flops; }), "measured here"));
  table.push_back(plan_entry("latency", "SECONDS", "of a message from one rank to another",
                             positive([](auto& o) -> auto& { return o.plan.latency; }),
                             "measured between the ranks here"));
  table.push_back(plan_entry("bandwidth", "RATE", "bytes a second that a node sends while it receives as many",
                             positive([](auto& o) -> auto& { return o.plan.bandwidth; }),
                             "measured between the ranks here"));
  table.push_back(plan_entry("features", "N", "inputs of the network, in place of a data set",
                             integer(
                                 [](auto& o) -> auto& { return o.plan.features; }, 1),
                             "of the data set"));
  table.back().excludes = "shape";
  table.push_back(plan_entry("shape", "SHAPE", "of the network's inputs, HEIGHTxWIDTHxCHANNELS, in place of a data set",
                             shape([](auto& o) -> auto& { return o.plan.shape; }), "of the data set"));
  table.back().excludes = "features";
  table.push_back(plan_entry("classes", "N", "outputs of the network, in place of a data set",
                             integer(
                                 [](auto& o) -> auto& { return o.plan.classes; }, 1),
                             "of the data set"));
  table.push_back(plan_entry("json", "FILE", "file for all figures",
                             text(
                                 [](auto& o) -> auto& { return o.plan.json; }, "a file"),
                             "none"));
}

}  // namespace sibp
