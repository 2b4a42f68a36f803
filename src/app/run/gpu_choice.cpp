#include "app/run/gpu_choice.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/words.hpp"

#include <climits>
#include <set>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace sibp {
namespace {

std::string node_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "this node";
}

/// This rank's GPU, or why it has none.
struct Found {
  std::optional<GpuChoice> gpu;
  std::string why_none;
};

/// Collective.
Found find_gpu(const Communicator& node) {
  Found found;
  const Gpus gpus = find_gpus();
  if (gpus.count > 0) {
    const int index = node.rank() % gpus.count;  // a launcher may show each rank its own GPU alone
    found.gpu = {index, describe_gpu(index)};
  } else {
    found.why_none = gpus.why_none;
  }
  if (!node.all_agree(found.gpu.has_value())) return {std::nullopt, found.why_none};
  const auto first_halves = node.all_gather(found.gpu->info.uuid[0]);
  const auto second_halves = node.all_gather(found.gpu->info.uuid[1]);
  std::vector<std::array<std::uint64_t, 2>> chosen;
  chosen.reserve(first_halves.size());
  for (std::size_t q = 0; q < first_halves.size(); ++q) chosen.push_back({first_halves[q], second_halves[q]});
  if (auto trouble = shared_gpu(chosen, node_name())) return {std::nullopt, std::move(*trouble)};
  return found;
}

void require_processors_suffice(const Options& options, const Communicator& world, const std::string& why) {
  agreed(world, [&] {
    if (options.precision == Precision::tf32)
      throw_usage_error(
          fmt::format("--precision: found tf32, which only GPUs have; expected fp32, as the ranks compute "
                      "on processors: {}",
                      why));
  });
}

}  // namespace

std::optional<std::string> shared_gpu(const std::vector<std::array<std::uint64_t, 2>>& chosen,
                                      const std::string& node) {
  const std::size_t gpus = std::set(chosen.begin(), chosen.end()).size();
  if (gpus == chosen.size()) return std::nullopt;
  return fmt::format(
      "{} ranks on {}, but {} for them; start as many ranks on a node as it has GPUs, or use "
      "--device cpu",
      chosen.size(), node, counted(static_cast<std::int64_t>(gpus), "GPU"));
}

std::optional<GpuChoice> choose_gpu(const Options& options, const Communicator& world) {
  if (options.device == DeviceChoice::cpu || options.reproducible) {
    require_processors_suffice(options, world, options.reproducible ? "--reproducible is given" : "--device is cpu");
    return std::nullopt;
  }
  Found found = find_gpu(make_node_communicator());
  if (options.device == DeviceChoice::cuda) {
    agreed(world, [&] {
      if (!found.gpu && !found.why_none.empty())
        throw_usage_error(fmt::format(
            "--device: found cuda, but {}; see nvidia-smi on this machine, or use --device cpu", found.why_none));
    });
  }
  if (world.all_agree(found.gpu.has_value())) return std::move(found.gpu);
  const int first = world.min(found.why_none.empty() ? world.size() : world.rank());
  const std::string why = world.broadcast(found.why_none, first);
  if (find_gpus().count > 0) spdlog::info("the ranks compute on processors: {}", why);
  require_processors_suffice(options, world, why);
  return std::nullopt;
}

}  // namespace sibp
