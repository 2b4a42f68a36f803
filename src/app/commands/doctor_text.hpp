#pragma once

#include "sibp/comm/links.hpp"

#include "app/commands/self_test.hpp"
#include "app/run/rank_facts.hpp"

#include <string>
#include <vector>

namespace sibp {

// A link that is worse than this is worth a warning: below what memory and the slowest usual network, Ethernet of
// 1 Gbit/s, do.
constexpr double slow_latency_in_node = 20e-6;
constexpr double slow_bandwidth_in_node = 1e9;
constexpr double slow_latency_between_nodes = 200e-6;
constexpr double slow_bandwidth_between_nodes = 1e8;

/// Free bytes in /dev/shm below which Open MPI and sums through shared memory may find no room.
constexpr double small_shared_memory = 256e6;

/// Numbers that ascend, runs of them together: "0-3,8". Local.
std::string ranges_text(const std::vector<int>& numbers);

/// What the ranks run on as a table, equal ranks in one row, and the slowest links. facts[q] is rank q. Local.
std::string facts_text(const std::vector<RankFacts>& facts, const std::vector<LinkRate>& links);

/// What looks wrong, a sentence each with what to do: more threads than cores, cores that lie idle, ranks with other
/// builds, libraries or processors, slow links, little memory. Local.
std::vector<std::string> warnings_of(const std::vector<RankFacts>& facts, const std::vector<LinkRate>& links);

/// The warnings as a list; empty if there are none. Local.
std::string warnings_text(const std::vector<std::string>& warnings);

/// The checks as a list, and the verdict on them and on the number of warnings as the last line. Local.
std::string verdict_text(const std::vector<SelfCheck>& checks, std::size_t warnings);

/// Whether all went well. Local.
bool all_passed(const std::vector<SelfCheck>& checks);

}  // namespace sibp
