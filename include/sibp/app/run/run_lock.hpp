#pragma once

#include "sibp/core/open_file.hpp"

#include <filesystem>

namespace sibp {

/// Keeps a second process out of a run's folder, as long as it lives: a lock of the system on the file run.lock in it,
/// which also says who holds it. The system gives up the locks of a process that has ended, however it ended, and
/// network file systems know such locks; where there are none at all, a warning says so.
class RunLock {
 public:
  static constexpr const char* file_name = "run.lock";

  /// Local, for rank 0. Throws Error (usage) naming the folder and the process that holds it, Error (runtime) if the
  /// file cannot be made.
  explicit RunLock(const std::filesystem::path& folder);

 private:
  OpenFile file_;
};

}  // namespace sibp
