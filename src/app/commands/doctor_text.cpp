#include "app/commands/doctor_text.hpp"

#include "sibp/core/words.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

std::string gigabytes(double bytes) {
  return fmt::format("{:.1f} GB", bytes / 1e9);
}

/// Rows of as many cells each, the first of them the heading, as columns side by side.
std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t k = 0; k < row.size(); ++k) widths[k] = std::max(widths[k], row[k].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t k = 0; k < row.size(); ++k) line += fmt::format("{:<{}}  ", row[k], widths[k]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

/// The ranks of a row of the table: equal in all that it shows.
struct RankRow {
  std::vector<int> ranks;
  std::set<std::string> hosts;
  std::set<int> cores;  ///< of all of them
  double free_bytes = 1e300;
  double shared_bytes = 1e300;
};

std::string hosts_text(const std::set<std::string>& hosts) {
  if (hosts.size() <= 4) return fmt::format("{}", fmt::join(hosts, " "));
  return fmt::format("{} ... {} ({} hosts)", *hosts.begin(), *hosts.rbegin(), hosts.size());
}

std::string ranks_table(const std::vector<RankFacts>& facts) {
  using Key = std::tuple<std::size_t, int, int, std::string, std::string>;
  std::map<Key, RankRow> rows;
  for (std::size_t q = 0; q < facts.size(); ++q) {
    const RankFacts& f = facts[q];
    RankRow& row = rows[{f.cores.size(), f.host_cores, f.threads, gigabytes(f.memory_bytes), f.gpu}];
    row.ranks.push_back(static_cast<int>(q));
    row.hosts.insert(f.host);
    row.cores.insert(f.cores.begin(), f.cores.end());
    row.free_bytes = std::min(row.free_bytes, f.free_bytes);
    row.shared_bytes = std::min(row.shared_bytes, f.shared_bytes);
  }
  std::vector<std::pair<Key, RankRow>> sorted(rows.begin(), rows.end());
  std::ranges::sort(sorted, {}, [](const auto& row) { return row.second.ranks.front(); });
  std::vector<std::vector<std::string>> cells{
      {"ranks", "hosts", "cores of a rank", "bound to", "threads", "memory (free)", "/dev/shm free", "GPU"}};
  for (const auto& [key, row] : sorted) {
    const auto& [cores, host_cores, threads, memory, gpu] = key;
    cells.push_back({ranges_text(row.ranks), hosts_text(row.hosts), fmt::format("{} of {}", cores, host_cores),
                     ranges_text({row.cores.begin(), row.cores.end()}), fmt::to_string(threads),
                     fmt::format("{} ({})", memory, gigabytes(row.free_bytes)), gigabytes(row.shared_bytes), gpu});
  }
  return table_text(cells);
}

/// One line for all ranks where they are alike, and otherwise one for each value with the ranks that have it.
std::string line_text(std::string_view name, const std::vector<RankFacts>& facts, std::string RankFacts::*value) {
  std::map<std::string, std::vector<int>> ranks;
  for (std::size_t q = 0; q < facts.size(); ++q) ranks[facts[q].*value].push_back(static_cast<int>(q));
  if (ranks.size() == 1) return fmt::format("{:<11}{}\n", name, ranks.begin()->first);
  std::string text;
  for (const auto& [shown, those] : ranks)
    text += fmt::format("{:<11}{} (ranks {})\n", name, shown, ranges_text(those));
  return text;
}

/// The worst of the links within nodes or between them; empty if there are none.
std::string links_text(const std::vector<LinkRate>& links, bool same_node) {
  int count = 0;
  double latency = 0;
  double bandwidth = 1e300;
  for (const LinkRate& link : links) {
    if (link.same_node != same_node) continue;
    ++count;
    latency = std::max(latency, link.latency_seconds);
    bandwidth = std::min(bandwidth, link.bandwidth_bytes);
  }
  if (count == 0) return "";
  const double slow_latency = same_node ? slow_latency_in_node : slow_latency_between_nodes;
  const double slow_bandwidth = same_node ? slow_bandwidth_in_node : slow_bandwidth_between_nodes;
  return fmt::format(
      "{:<11}{}: {:.1f} µs a message, {:.2f} GB/s; the worst of {} (slow: over {:.0f} µs, under {} GB/s)\n", "links",
      same_node ? "within a node" : "between nodes", 1e6 * latency, bandwidth / 1e9, count, 1e6 * slow_latency,
      slow_bandwidth / 1e9);
}

}  // namespace

std::string ranges_text(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t k = 0; k < numbers.size();) {
    std::size_t last = k;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[k]);
    if (last > k) text += fmt::format("-{}", numbers[last]);
    k = last + 1;
  }
  return text;
}

std::string facts_text(const std::vector<RankFacts>& facts, const std::vector<LinkRate>& links) {
  std::string text = ranks_table(facts) + '\n';
  text += line_text("processor", facts, &RankFacts::processor);
  text += line_text("products", facts, &RankFacts::blas);
  text += line_text("MPI", facts, &RankFacts::mpi);
  text += line_text("build", facts, &RankFacts::build);
  return text + links_text(links, true) + links_text(links, false);
}

std::string warnings_text(const std::vector<std::string>& warnings) {
  std::string text;
  for (const auto& warning : warnings) text += fmt::format("warning: {}\n", warning);
  return text.empty() ? text : '\n' + text;
}

bool all_passed(const std::vector<SelfCheck>& checks) {
  return std::ranges::all_of(checks, &SelfCheck::passed);
}

std::string verdict_text(const std::vector<SelfCheck>& checks, std::size_t warnings) {
  std::string text = "\nself-test: a small network on synthetic data\n";
  for (const SelfCheck& check : checks)
    text += fmt::format("  {:<6}  {}: {}\n", check.passed ? "ok" : "FAILED", check.what, check.found);
  const std::string remarks =
      warnings == 0 ? "no warnings" : counted(static_cast<std::int64_t>(warnings), "warning") + ", see above";
  return text +
         fmt::format("\nverdict: training {} here; {}\n", all_passed(checks) ? "works" : "does NOT work", remarks);
}

}  // namespace sibp
