#pragma once

#include "sibp/comm/backend.hpp"

#include <memory>

namespace sibp {

/// A matrix of at most `elements` elements on `device`, gathered by the library.
std::unique_ptr<AllGather> make_plain_all_gather(Device& device, std::unique_ptr<CollectiveSlot> slot, int rank,
                                                 Index elements);

}  // namespace sibp
