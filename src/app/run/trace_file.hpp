#pragma once

#include "sibp/comm/communicator.hpp"

#include <filesystem>

namespace sibp {

/// Keeps the events of all ranks while it lives, if a file is to have them: those of about the first hundred steps.
class TraceFile {
 public:
  /// `path` is empty where there is to be none. The times of all ranks count from the end of a barrier. Collective.
  TraceFile(std::filesystem::path path, const Communicator& world);
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;
  ~TraceFile();

  /// Rank 0 writes the events of all ranks. Collective. Throws AgreedError (runtime) if it cannot.
  void write() const;

 private:
  std::filesystem::path path_;
  const Communicator& world_;
};

}  // namespace sibp
