#pragma once

#include <cstdint>

namespace sibp {

/// The most memory this process has had in use at one time (resident), in bytes. Local.
std::int64_t peak_memory_bytes();

}  // namespace sibp
