#pragma once

#include <cstdint>
#include <string>

namespace sibp {

/// The most memory this process has had in use at one time (resident), in bytes. Local.
std::int64_t peak_memory_bytes();

/// The memory that this process has in use now (resident), in bytes, with the libraries that it has loaded; 0 where the
/// system does not tell. Local.
std::int64_t memory_in_use_bytes();

/// Has the allocator give every large block back to the system as soon as it is freed, rather than keep some for later
/// that it cannot use. Local.
void give_back_large_blocks();

/// Seconds since this process started. Local.
double seconds_since_start();

/// The name of the machine that this process runs on. Local.
std::string host_name();

}  // namespace sibp
