#pragma once

#include "sibp/comm/communicator.hpp"

namespace sibp {

/// Cores and threads of this rank.
struct ThreadPlan {
  int cores = 1;                ///< cores this rank may run on
  int sharers = 1;              ///< ranks of this node, this one among them, that may run on just these cores
  int threads = 1;              ///< threads for matrix products
  bool oversubscribed = false;  ///< more threads than cores, over the ranks that share them
};

/// Threads of this rank: `requested`, or OMP_NUM_THREADS, or else this rank's share of the cores it is bound to.
/// Collective over the ranks of the node.
ThreadPlan plan_threads(int requested, const Communicator& node);

}  // namespace sibp
