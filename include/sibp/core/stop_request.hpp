#pragma once

namespace sibp {

/// Takes SIGTERM, SIGINT, SIGUSR1 and SIGHUP (unless it is ignored, as under nohup) as requests to stop in good order,
/// from now on; a second SIGINT ends the process at once. SIGPIPE and SIGXFSZ are ignored: the write that they are
/// about fails, and says why. For main, before MPI starts: a scheduler may signal seconds after the start. Local.
void catch_stop_signals();

/// Gives these signals their usual effect again, and lets one that has come have it. Local.
void release_stop_signals();

/// The signal that has asked this process to stop; 0: none has. Local.
int stop_signal();

}  // namespace sibp
