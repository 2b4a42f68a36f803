#pragma once

#include <vector>

namespace sibp {

/// The processing units that this process is bound to, by the numbers of the system, ascending: all of the machine
/// where nothing binds it. One that is a hardware thread counts like a core. Local. Throws Error (runtime) if the
/// system does not tell.
std::vector<int> bound_cores();

/// The processing units of the machine. Local. Throws Error (runtime) if the system does not tell.
int machine_cores();

}  // namespace sibp
