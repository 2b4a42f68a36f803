#include "sibp/core/error.hpp"

#include <limits>
#include <string>

namespace sibp {

Error::Error(ExitStatus status, const std::string& message, std::source_location where)
    : std::runtime_error(message), status_(status), where_(where) {
}

void throw_usage_error(const std::string& message, std::source_location where) {
  throw Error(ExitStatus::usage, message, where);
}

void throw_data_error(const std::string& message, std::source_location where) {
  throw Error(ExitStatus::data, message, where);
}

void throw_model_error(const std::string& message, std::source_location where) {
  throw Error(ExitStatus::model, message, where);
}

void require(bool condition, const char* message, std::source_location where) {
  if (!condition) {
    throw Error(ExitStatus::runtime,
                std::string(message) + " (" + where.file_name() + ":" + std::to_string(where.line()) + ")", where);
  }
}

int checked_int(long long value, std::source_location where) {
  if (value < 0 || value > std::numeric_limits<int>::max()) {
    throw Error(ExitStatus::runtime, "size " + std::to_string(value) + " is beyond what BLAS and MPI can count", where);
  }
  return static_cast<int>(value);
}

}  // namespace sibp
