#pragma once

#include "sibp/update/cost_model.hpp"

namespace sibp {

/// What nominal rates depend on.
struct MachineKind {
  int ranks = 1;
  int threads = 1;             ///< of a rank, for products
  bool has_gpus = false;       ///< every rank computes on a GPU
  bool several_nodes = false;  ///< the ranks are on more nodes than one
  bool shares_memory = false;  ///< the ranks exchange matrices through memory that all of them share
};

/// Round figures for machines of that kind, in the place of measured ones: they decide which form is the default, so
/// that the same run takes the same forms again however busy the machine is. A function of `kind` alone. Local.
MachineRates nominal_rates(const MachineKind& kind);

}  // namespace sibp
