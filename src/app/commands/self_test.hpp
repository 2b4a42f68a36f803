#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/device/device.hpp"

#include <string>
#include <vector>

namespace sibp {

/// One question of the self-test, and what came of it.
struct SelfCheck {
  std::string what;
  bool passed = false;
  std::string found;  ///< the figures that decided, or the error
};

/// Trains a small network for a few steps on synthetic data in every form of the update, and checks that the loss falls
/// and stays finite, that all ranks end with the same bits, that the weights are those that a rank finds alone, and
/// that the forms agree. `alike` says that the ranks have the same arithmetic; without it the form `dual`, which relies
/// on that, is left out. The same on every rank. Collective; about a second.
std::vector<SelfCheck> run_self_test(Device& device, const Communicator& world, bool alike);

}  // namespace sibp
