#include "comm/nodes.hpp"

#include "comm/mpi_check.hpp"

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

}  // namespace sibp
