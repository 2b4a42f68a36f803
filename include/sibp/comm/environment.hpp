#pragma once

#include <string>

namespace sibp {

/// The MPI library and its version, for people: "Open MPI v4.1.4". Local.
std::string mpi_library();

/// MPI's start and end. Make one first thing in main and let it outlive every Communicator. Where something else in the
/// process has started MPI, such as Python's mpi4py, both are left to that.
///
/// MPI_Finalize is called only if finish() was: a program that ends by an error must not wait for its peers. One that
/// ends by exit(0) before has status 75 (stalled) instead.
class MpiEnvironment {
 public:
  /// Collective. Throws Error (runtime) if MPI does not start with support for calls from one thread at a time.
  MpiEnvironment(int& argc, char**& argv);
  MpiEnvironment(const MpiEnvironment&) = delete;
  MpiEnvironment& operator=(const MpiEnvironment&) = delete;

  /// Collective. Ends MPI in good order; every Communicator must be gone.
  void finish();

  /// Ends every rank of the job with `status`, without waiting for any of them. Local; does not return.
  [[noreturn]] static void abort(int status);

 private:
  bool is_ours_ = true;  ///< MPI, to be ended
};

}  // namespace sibp
