#pragma once

#include "sibp/comm/communicator.hpp"

#include <string>

namespace sibp {

/// What must be equal on all ranks: version and precision. Local.
std::string build_identity();

/// What should be: the compiler, and the library for matrices with the kernels it has chosen. Local.
std::string build_details();

/// Compares the builds of the ranks' programs. Collective. Throws AgreedError (disagree) naming a rank with another
/// identity than rank 0; other details are a warning on rank 0.
void agree_on_build(const Communicator& world);

}  // namespace sibp
