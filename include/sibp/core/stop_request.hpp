#pragma once

#include <csignal>
#include <map>

namespace sibp {

/// Takes SIGTERM, SIGINT, SIGUSR1 and SIGHUP (unless it is ignored, as under nohup) as requests to stop in good order,
/// from now on; a second SIGINT ends the process at once. SIGPIPE and SIGXFSZ are ignored: the write that they are
/// about fails, and says why. For main, before MPI starts: a scheduler may signal seconds after the start. Local.
void catch_stop_signals();

/// Gives these signals their usual effect again, and lets one that has come have it. Local.
void release_stop_signals();

/// Takes them as requests while it lives, and then gives them the effect that they had before: for programs that use
/// the library and have handlers of their own.
class StopRequests {
 public:
  StopRequests();
  StopRequests(const StopRequests&) = delete;
  StopRequests& operator=(const StopRequests&) = delete;
  ~StopRequests();

 private:
  std::map<int, struct sigaction> before_;
};

/// The signal that has asked this process to stop; 0: none has. Local.
int stop_signal();

}  // namespace sibp
