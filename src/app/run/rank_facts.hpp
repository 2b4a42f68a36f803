#pragma once

#include "sibp/app/run/threads.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/device/device.hpp"

#include <string>
#include <vector>

namespace sibp {

/// What one rank runs on.
struct RankFacts {
  std::string host;
  std::vector<int> cores{};  ///< those it may run on, by number
  int host_cores = 0;        ///< of the host in all
  int threads = 1;           ///< for matrix products
  double memory_bytes = 0;   ///< of the host
  double free_bytes = 0;     ///< of that, what is to be had
  double shared_bytes = 0;   ///< free in /dev/shm
  std::string gpu{};
  std::string processor{};
  std::string mpi{};
  std::string blas{};
  std::string build{};   ///< version, and a hash of the program's file
  std::string advice{};  ///< what would make products faster; empty: nothing
};

/// The processor's name as the system tells it; "unknown" if it does not. Local.
std::string processor_name();

/// The facts of this rank. Local. Throws Error (runtime) if the system does not tell.
RankFacts facts_of_this_rank(const ThreadPlan& plan, const Device& device);

/// The facts of all ranks, on every rank. Collective.
std::vector<RankFacts> gather_facts(const RankFacts& mine, const Communicator& world);

}  // namespace sibp
