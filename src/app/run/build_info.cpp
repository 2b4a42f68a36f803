#include "sibp/app/run/build_info.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"
#include "sibp/device/gpu.hpp"

#include <type_traits>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace sibp {

std::string build_identity() {
  return fmt::format("sibp_dist {}, {}", SIBP_VERSION, std::is_same_v<Real, float> ? "float32" : "float64");
}

std::string build_details() {
  return fmt::format("compiler {}, {}, {}", __VERSION__, make_cpu_device(1)->description(), gpu_support());
}

void agree_on_build(const Communicator& world) {
  const std::string identity = build_identity();
  if (const auto rank = first_other(world, identity)) {
    const std::string theirs = world.broadcast(identity, *rank);
    throw AgreedError(ExitStatus::disagree, fmt::format("rank {} runs {}, but rank 0 runs {}; start one and the same "
                                                        "program on every node",
                                                        *rank, theirs, world.broadcast(identity)));
  }
  const std::string details = build_details();
  if (const auto rank = first_other(world, details)) {
    const std::string theirs = world.broadcast(details, *rank);
    if (world.is_root())
      spdlog::warn("rank {} has {}, but rank 0 has {}: sums may differ in their last bits", *rank, theirs, details);
  }
}

}  // namespace sibp
