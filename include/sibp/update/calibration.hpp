#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/device/device.hpp"
#include "sibp/update/cost_model.hpp"

namespace sibp {

/// Measures the rates of the cost model in a fraction of a second: products, factorisations and solves of the sizes of
/// MachineRates, and all-reduces, all ranks at the same time. Rank 0's figures, on every rank. Collective.
MachineRates calibrate(Device& device, const Communicator& communicator);

}  // namespace sibp
