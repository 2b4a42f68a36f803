#pragma once

#include <cstdint>
#include <string>

namespace sibp {

/// The most memory this process has had in use at one time (resident), in bytes. Local.
std::int64_t peak_memory_bytes();

/// Seconds since this process started. Local.
double seconds_since_start();

/// The name of the machine that this process runs on. Local.
std::string host_name();

}  // namespace sibp
