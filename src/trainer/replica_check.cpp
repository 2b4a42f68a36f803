#include "sibp/trainer/replica_check.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

/// The ranks whose checksum is not that of more than half; all if no checksum is.
std::vector<std::size_t> ranks_apart(const std::vector<std::uint64_t>& checksums) {
  const auto most = std::max_element(checksums.begin(), checksums.end(), [&](std::uint64_t a, std::uint64_t b) {
    return std::count(checksums.begin(), checksums.end(), a) < std::count(checksums.begin(), checksums.end(), b);
  });
  const bool is_majority = 2 * std::count(checksums.begin(), checksums.end(), *most) > std::ssize(checksums);
  std::vector<std::size_t> ranks;
  for (std::size_t rank = 0; rank < checksums.size(); ++rank) {
    if (!is_majority || checksums[rank] != *most) ranks.push_back(rank);
  }
  return ranks;
}

[[noreturn]] void throw_apart(const std::string& name, const std::vector<std::size_t>& ranks, int size, Index step) {
  const std::string who = std::ssize(ranks) == size
                              ? fmt::format("are not the same on ranks {}", fmt::join(ranks, " and "))
                              : fmt::format("on rank {} are not those of the other ranks", fmt::join(ranks, " and "));
  throw AgreedError(ExitStatus::disagree,
                    fmt::format("after step {} the {} {}: memory or a processor failed, or ranks run different code; "
                                "go on from the last checkpoint with `resume`, without that machine",
                                step, name, who));
}

}  // namespace

void check_replicas(Device& device, const Communicator& communicator, const Replicas& replicas, Index step) {
  if (communicator.size() == 1) return;
  std::vector<std::uint64_t> checksums;
  for (const auto& [name, matrix] : replicas) checksums.push_back(device.checksum(matrix));
  // The largest of the checksums and the complement of the smallest, in one reduction.
  std::vector<std::uint64_t> extremes = checksums;
  for (const std::uint64_t checksum : checksums) extremes.push_back(~checksum);
  communicator.all_reduce_max(std::span<std::uint64_t>(extremes));
  std::size_t k = 0;
  for (const auto& [name, matrix] : replicas) {
    if (extremes[k] != ~extremes[k + checksums.size()])
      throw_apart(name, ranks_apart(communicator.all_gather(checksums[k])), communicator.size(), step);
    ++k;
  }
}

}  // namespace sibp
