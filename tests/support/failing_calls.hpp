#pragma once

// A file system whose calls fail. A test program that is linked with failing_calls.cpp makes the calls of the whole
// process on files go through it.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sibp::testing_support {

/// How a call fails.
enum class Fault {
  io_error,     ///< EIO
  no_space,     ///< ENOSPC
  interrupted,  ///< EINTR, and nothing is done but where the system would have done it
  part,         ///< a write or read of a half: no failure, but rarely seen
};

/// One call of a program, the same in every run: "write metrics.jsonl 3", the third such call on that file.
struct CallPoint {
  std::string call;  ///< name of the function
  std::string path;  ///< from the folder that is watched
  int number = 1;
  auto operator<=>(const CallPoint&) const = default;
};

std::string to_text(const CallPoint& point);
std::string to_text(Fault fault);

/// The faults that such a call can have.
std::vector<Fault> faults_of(const CallPoint& point);

/// One call that is to fail, or with `for_good` all calls from then on that the fault can befall.
struct Injection {
  CallPoint point;
  Fault fault = Fault::io_error;
  bool for_good = false;
};

/// Counts the calls on files in a folder while it lives, and lets one of them fail.
class FailingCalls {
 public:
  explicit FailingCalls(const std::filesystem::path& folder, std::optional<Injection> injection = std::nullopt);
  FailingCalls(const FailingCalls&) = delete;
  FailingCalls& operator=(const FailingCalls&) = delete;
  ~FailingCalls();

  /// The calls that were made, in their order.
  [[nodiscard]] const std::vector<CallPoint>& points() const { return points_; }
  [[nodiscard]] bool has_failed() const { return has_failed_; }

  // for the functions that stand before the system's
  /// The path of a file from the folder, with what differs from run to run taken out; nothing if it is not in it.
  [[nodiscard]] std::optional<std::string> place_of(const std::string& path) const;
  /// Takes note of a call; the fault that it is to have.
  std::optional<Fault> meet(const char* call, const std::string& place);

 private:
  std::string folder_;
  std::optional<Injection> injection_;
  std::map<std::pair<std::string, std::string>, int> counts_;
  std::vector<CallPoint> points_;
  bool has_failed_ = false;
};

}  // namespace sibp::testing_support
