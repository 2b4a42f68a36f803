#include "app/commands/doctor_text.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

namespace sibp {
namespace {

using Warnings = std::vector<std::string>;

/// The ranks of one host.
struct Host {
  std::vector<int> ranks;
  std::set<int> cores;  ///< that any of them may run on
  int threads = 0;      ///< of all of them
};

/// The ranks that are bound to just the same cores of a host.
using SameCores = std::map<std::pair<std::string, std::vector<int>>, Host>;

void add(Host& host, int rank, const RankFacts& facts) {
  host.ranks.push_back(rank);
  host.cores.insert(facts.cores.begin(), facts.cores.end());
  host.threads += facts.threads;
}

bool is_oversubscribed(const Host& host) {
  return !host.cores.empty() && host.threads > static_cast<int>(host.cores.size());
}

void warn_of_cores(Warnings& warnings, const std::vector<RankFacts>& facts) {
  std::map<std::string, Host> hosts;
  SameCores bound;
  for (std::size_t q = 0; q < facts.size(); ++q) {
    add(hosts[facts[q].host], static_cast<int>(q), facts[q]);
    add(bound[{facts[q].host, facts[q].cores}], static_cast<int>(q), facts[q]);
  }
  std::set<std::string> named;
  const auto warn = [&](const std::string& name, const Host& host) {
    if (!is_oversubscribed(host) || !named.insert(name).second) return;
    warnings.push_back(fmt::format(
        "{}: ranks {} have {} threads on {} core(s) ({}); start fewer ranks, bind them (mpirun --bind-to core) or set "
        "OMP_NUM_THREADS",
        name, ranges_text(host.ranks), host.threads, host.cores.size(),
        ranges_text({host.cores.begin(), host.cores.end()})));
  };
  for (const auto& [name, host] : hosts) warn(name, host);
  for (const auto& [key, host] : bound) warn(key.first, host);
  for (const auto& [name, host] : hosts) {
    const int all = facts[static_cast<std::size_t>(host.ranks.front())].host_cores;
    if (is_oversubscribed(host) || 2 * host.threads > all) continue;
    warnings.push_back(fmt::format(
        "{}: {} threads on a host of {} cores; if it is yours alone, start more ranks, or give them more threads "
        "(OMP_NUM_THREADS) and cores (mpirun --bind-to none, srun --cpus-per-task)",
        name, host.threads, all));
  }
}

/// Ranks that have another value than rank 0.
void warn_of_difference(Warnings& warnings, const std::vector<RankFacts>& facts, std::string RankFacts::*value,
                        std::string_view name, std::string_view advice) {
  std::vector<int> others;
  for (std::size_t q = 0; q < facts.size(); ++q) {
    if (facts[q].*value != facts.front().*value) others.push_back(static_cast<int>(q));
  }
  if (others.empty()) return;
  const auto first = static_cast<std::size_t>(others.front());
  warnings.push_back(fmt::format("ranks {} have another {} than rank 0: '{}' and '{}'; {}", ranges_text(others), name,
                                 facts[first].*value, facts.front().*value, advice));
}

void warn_of_links(Warnings& warnings, const std::vector<RankFacts>& facts, const std::vector<LinkRate>& links) {
  for (const LinkRate& link : links) {
    const double latency = link.same_node ? slow_latency_in_node : slow_latency_between_nodes;
    const double bandwidth = link.same_node ? slow_bandwidth_in_node : slow_bandwidth_between_nodes;
    if (link.latency_seconds <= latency && link.bandwidth_bytes >= bandwidth) continue;
    const auto host = [&](int rank) { return facts[static_cast<std::size_t>(rank)].host; };
    warnings.push_back(fmt::format(
        "the link of ranks {} and {} ({}) is slow: {:.1f} µs a message, {:.3f} GB/s, expected at most {:.0f} µs and at "
        "least {} GB/s; {}",
        link.first, link.second,
        link.same_node ? host(link.first) : fmt::format("{} to {}", host(link.first), host(link.second)),
        1e6 * link.latency_seconds, link.bandwidth_bytes / 1e9, 1e6 * latency, bandwidth / 1e9,
        link.same_node ? "other work on these cores?" : "check which network MPI takes (--mca btl_tcp_if_include)"));
  }
}

/// The first rank of every host where `is_little` is true.
template <class Predicate, class Text>
void warn_of_hosts(Warnings& warnings, const std::vector<RankFacts>& facts, Predicate is_little, Text text) {
  std::set<std::string> named;
  for (const RankFacts& f : facts) {
    if (is_little(f) && named.insert(f.host).second) warnings.push_back(f.host + ": " + text(f));
  }
}

}  // namespace

std::vector<std::string> warnings_of(const std::vector<RankFacts>& facts, const std::vector<LinkRate>& links) {
  Warnings warnings;
  warn_of_cores(warnings, facts);
  warn_of_difference(warnings, facts, &RankFacts::build, "build", "install one build on all nodes");
  warn_of_difference(warnings, facts, &RankFacts::mpi, "MPI library", "load the same modules on all nodes");
  warn_of_difference(warnings, facts, &RankFacts::processor, "type of processor",
                     "weights differ from those of other mixtures in their last bits, and the slowest sets the pace");
  warn_of_difference(warnings, facts, &RankFacts::blas, "library or kernels for products",
                     "the form 'dual' is not used; OPENBLAS_CORETYPE makes kernels equal");
  warn_of_links(warnings, facts, links);
  warn_of_hosts(
      warnings, facts, [](const RankFacts& f) { return f.shared_bytes < small_shared_memory; },
      [](const RankFacts& f) {
        return fmt::format(
            "{:.0f} MB are free in /dev/shm, expected {:.0f}; MPI's messages and sums within the node "
            "take slower ways (docker run --shm-size)",
            f.shared_bytes / 1e6, small_shared_memory / 1e6);
      });
  warn_of_hosts(
      warnings, facts, [](const RankFacts& f) { return f.free_bytes < f.memory_bytes / 10; },
      [](const RankFacts& f) {
        return fmt::format("{:.1f} of {:.1f} GB of memory are free", f.free_bytes / 1e9, f.memory_bytes / 1e9);
      });
  warn_of_hosts(
      warnings, facts, [](const RankFacts& f) { return !f.advice.empty(); },
      [](const RankFacts& f) { return f.advice; });
  return warnings;
}

}  // namespace sibp
