#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace sibp {

/// Exit statuses of the program. Stable: job scripts act on them.
enum class ExitStatus : int {
  done = 0,      ///< what was asked for was done
  runtime = 1,   ///< run-time error: a library call failed, a contract was broken
  usage = 2,     ///< an option or a configuration file is wrong
  data = 3,      ///< a data file is missing, damaged or does not fit
  model = 4,     ///< a model or checkpoint is missing, damaged or does not fit
  diverged = 5,  ///< the loss is not finite or a factorisation failed
  disagree = 6,  ///< ranks have different weights, configurations or builds
  stalled = 75,  ///< a peer was lost or made no progress; trying again is sensible
  stopped = 85,  ///< stopped on request after writing a checkpoint; requeue to go on
};

/// An error with the exit status it ends the program with, and the place that threw it. The message names the file or
/// quantity, what was found, what was expected and what to do.
///
/// A quantity that the caller has set stands in backquotes, `logical_shards`, under the name of its option with
/// underscores: the library knows no command line. The program shows --logical-shards (app/cli/option_names.hpp).
class Error : public std::runtime_error {
 public:
  Error(ExitStatus status, const std::string& message, std::source_location where = std::source_location::current());

  [[nodiscard]] ExitStatus status() const { return status_; }
  [[nodiscard]] const std::source_location& where() const { return where_; }

 private:
  ExitStatus status_;
  std::source_location where_;
};

/// An error that every rank has been told of and throws: the program ends in good order and prints it once.
/// See comm/agreement.hpp.
class AgreedError : public Error {
 public:
  // Not inherited by a using-declaration: nvcc 13.0 breaks down on the default argument.
  AgreedError(ExitStatus status, const std::string& message,
              std::source_location where = std::source_location::current())
      : Error(status, message, where) {}
};

[[noreturn]] void throw_usage_error(const std::string& message,
                                    std::source_location where = std::source_location::current());
[[noreturn]] void throw_data_error(const std::string& message,
                                   std::source_location where = std::source_location::current());
[[noreturn]] void throw_model_error(const std::string& message,
                                    std::source_location where = std::source_location::current());

/// Checks a contract between parts of the program. Throws Error (runtime) with `message` if `condition` is false.
void require(bool condition, const char* message, std::source_location where = std::source_location::current());

/// Narrows to the int that BLAS and MPI take. Throws Error (runtime) if `value` does not fit.
int checked_int(long long value, std::source_location where = std::source_location::current());

}  // namespace sibp
