#include "comm/node/nodes.hpp"

#include "comm/mpi/calls.hpp"

#include <array>

namespace sibp {

Nodes::Nodes(MPI_Comm ranks, const SplitIntoNodes& split_into_nodes, Wire between_nodes)
    : wire(between_nodes), here(split_into_nodes(ranks)) {
  std::array sizes{here.size(), -here.size()};
  check(MPI_Allreduce(MPI_IN_PLACE, sizes.data(), 2, MPI_INT, MPI_MIN, ranks), "MPI_Allreduce");
  shares = sizes[0];
  most_ranks = -sizes[1];
  int all = 0;
  check(MPI_Comm_size(ranks, &all), "MPI_Comm_size");
  are_several = here.size() < all;
  if (!are_several) return;
  const MpiComm same_share = split(ranks, owns_share() ? here.rank() : MPI_UNDEFINED);
  if (owns_share()) owners.emplace(same_share.get(), wire);
}

SumRoot Nodes::find(MPI_Comm ranks, Root root) const {
  if (!root) return {};
  int rank = 0;
  check(MPI_Comm_rank(ranks, &rank), "MPI_Comm_rank");
  SumRoot found{.is_one = true, .is_one_of_receivers = rank == *root};
  int is_here = found.is_one_of_receivers ? 1 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &is_here, 1, MPI_INT, MPI_MAX, here.get()), "MPI_Allreduce");
  if (!owners) return found;
  int owner = is_here != 0 ? owners->first.rank() : -1;
  check(MPI_Allreduce(MPI_IN_PLACE, &owner, 1, MPI_INT, MPI_MAX, owners->first.get()), "MPI_Allreduce");
  found.among_owners = owner;
  return found;
}

}  // namespace sibp
