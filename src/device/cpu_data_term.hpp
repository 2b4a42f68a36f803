#pragma once

#include "sibp/device/data_term.hpp"

#include <memory>

namespace sibp::cpu {

/// The data term on the processor's cores.
std::unique_ptr<DataTerm> make_data_term();

}  // namespace sibp::cpu
