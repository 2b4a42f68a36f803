#pragma once

#include "comm/mpi/staged_sum.hpp"

#include <functional>
#include <optional>

namespace sibp {

/// Gives every rank of a communicator those on its node. Collective.
using SplitIntoNodes = std::function<MpiComm(MPI_Comm)>;

/// Where the root of a sum is, as a rank sees it.
struct SumRoot {
  bool is_one = false;              ///< the sum is for one rank alone
  bool is_one_of_receivers = true;  ///< this rank gets the sum
  Root among_owners{};              ///< the owner of this rank's share on the root's node; nothing: the sum is for all
};

/// The ranks of a job by their nodes. A sum over all of them is made in as many shares as the smallest node has ranks:
/// rank k of a node is the owner of share k, and the owners of a share exchange it over the nodes, so that all of them
/// use the node's link at the same time. Further ranks of larger nodes own nothing.
struct Nodes {
  /// Collective. Throws Error (runtime) if MPI fails.
  Nodes(MPI_Comm ranks, const SplitIntoNodes& split_into_nodes, Wire between_nodes);

  [[nodiscard]] bool owns_share() const { return here.rank() < shares; }
  /// Where rank `root` of `ranks`, those of the job, is. Collective.
  [[nodiscard]] SumRoot find(MPI_Comm ranks, Root root) const;

  Wire wire;     ///< between nodes
  MpiComm here;  ///< the ranks of this node
  int shares = 1;
  int most_ranks = 1;                ///< of a node
  bool are_several = false;          ///< more nodes than one
  std::optional<SumChannel> owners;  ///< of this rank's share; none on a node alone, or without a share
};

}  // namespace sibp
