#include "sibp/comm/links.hpp"

#include "comm/mpi/calls.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <mpi.h>

namespace sibp {
namespace {

constexpr int message_bytes = 1 << 20;

/// A communicator of some of the job's ranks that is freed at its end; null where a rank is in none.
class Group {
 public:
  explicit Group(MPI_Comm comm) : comm_(comm) {
    if (comm_ == MPI_COMM_NULL) return;
    check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group() {
    if (comm_ != MPI_COMM_NULL) MPI_Comm_free(&comm_);
  }

  [[nodiscard]] MPI_Comm comm() const { return comm_; }
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }

 private:
  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 0;
};

MPI_Comm ranks_of_this_node() {
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  return node;
}

MPI_Comm first_ranks_of_nodes(bool is_first) {
  MPI_Comm firsts = MPI_COMM_NULL;
  check(MPI_Comm_split(MPI_COMM_WORLD, is_first ? 0 : MPI_UNDEFINED, 0, &firsts), "MPI_Comm_split");
  return firsts;
}

/// The least seconds of a message one way, of `tries` to and fro.
double least_seconds(const Group& group, int partner, std::vector<char>& message, int bytes, int tries) {
  const bool begins = group.rank() < partner;
  double least = 1e300;
  for (int k = 0; k < tries; ++k) {
    const auto start = std::chrono::steady_clock::now();
    if (begins) check(MPI_Send(message.data(), bytes, MPI_BYTE, partner, 0, group.comm()), "MPI_Send");
    check(MPI_Recv(message.data(), bytes, MPI_BYTE, partner, 0, group.comm(), MPI_STATUS_IGNORE), "MPI_Recv");
    if (!begins) check(MPI_Send(message.data(), bytes, MPI_BYTE, partner, 0, group.comm()), "MPI_Send");
    const std::chrono::duration<double> both_ways = std::chrono::steady_clock::now() - start;
    least = std::min(least, both_ways.count() / 2);
  }
  return std::max(least, 1e-9);
}

/// A link as it travels between ranks: the partner's rank in the job (−1: none), latency, bandwidth.
using Measured = std::array<double, 3>;
constexpr Measured nothing{-1, 0, 0};

/// Exchanges messages with `partner` of the group. What came of it is told by the lower of the two.
Measured exchange(const Group& group, int partner, int world_rank) {
  std::vector<char> message(message_bytes);
  const double latency = least_seconds(group, partner, message, 8, 200);
  const double seconds = least_seconds(group, partner, message, message_bytes, 10);
  int other = 0;
  check(MPI_Sendrecv(&world_rank, 1, MPI_INT, partner, 0, &other, 1, MPI_INT, partner, 0, group.comm(),
                     MPI_STATUS_IGNORE),
        "MPI_Sendrecv");
  return group.rank() < partner ? Measured{static_cast<double>(other), latency, message_bytes / seconds} : nothing;
}

/// Of a chain of ranks the exchange with the next one, where `parity` decides who begins; nothing for the others.
Measured exchange_along_chain(const Group& group, int parity, int world_rank) {
  const int partner = group.rank() % 2 == parity ? group.rank() + 1 : group.rank() - 1;
  return partner >= 0 && partner < group.size() ? exchange(group, partner, world_rank) : nothing;
}

void append(std::vector<LinkRate>& links, const Communicator& world, const Measured& mine, bool same_node) {
  std::vector<double> all(3 * static_cast<std::size_t>(world.size()));
  check(MPI_Allgather(mine.data(), 3, MPI_DOUBLE, all.data(), 3, MPI_DOUBLE, MPI_COMM_WORLD), "MPI_Allgather");
  for (int q = 0; q < world.size(); ++q) {
    const double* link = &all[3 * static_cast<std::size_t>(q)];
    if (link[0] >= 0) links.push_back({q, static_cast<int>(link[0]), same_node, link[1], link[2]});
  }
}

}  // namespace

std::vector<LinkRate> measure_links(const Communicator& world) {
  const Group node(ranks_of_this_node());
  const Group firsts(first_ranks_of_nodes(node.rank() == 0));
  std::vector<LinkRate> links;
  append(links, world, node.rank() < 2 && node.size() > 1 ? exchange(node, 1 - node.rank(), world.rank()) : nothing,
         true);
  for (const int parity : {0, 1}) {
    world.barrier();
    append(links, world, firsts.size() > 1 ? exchange_along_chain(firsts, parity, world.rank()) : nothing, false);
  }
  std::ranges::sort(links, {}, [](const LinkRate& link) { return std::pair(!link.same_node, link.first); });
  return links;
}

}  // namespace sibp
