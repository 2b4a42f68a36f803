#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/device/gpu.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace sibp {

/// A GPU among those that this rank sees.
struct GpuChoice {
  int index = 0;
  GpuInfo info;
};

/// The GPU of this rank, by --device: of those that it sees, the one of its number on the node. Nothing: the ranks
/// compute on processors. Collective. Throws AgreedError (usage) naming --device if it is cuda and some node has fewer
/// GPUs than ranks, or --precision if that needs a GPU and there is none.
std::optional<GpuChoice> choose_gpu(const Options& options, const Communicator& world);

/// What is wrong with the GPUs that the ranks of a node have chosen, given by their UUIDs: nothing if each has its own.
/// `node` is its name, for people. Local.
std::optional<std::string> shared_gpu(const std::vector<std::array<std::uint64_t, 2>>& chosen, const std::string& node);

}  // namespace sibp
