#pragma once

#include "sibp/comm/communicator.hpp"

#include <vector>

namespace sibp {

/// How fast two ranks reach each other.
struct LinkRate {
  int first = 0;  ///< rank of the job
  int second = 0;
  bool same_node = true;
  double latency_seconds = 0;  ///< of a message of 8 bytes one way
  double bandwidth_bytes = 0;  ///< bytes a second of a message of 1 MiB one way
};

/// Sends messages to and fro between the first two ranks of every node, and between the first ranks of nodes that
/// follow one another; nobody takes part in two exchanges at a time. The best of many tries, on every rank: those
/// within nodes first, both in the order of their first rank. Less than a second over links that are not slow, on any
/// number of nodes. Collective over the ranks of the job. Throws Error (runtime) if MPI fails.
std::vector<LinkRate> measure_links(const Communicator& world);

}  // namespace sibp
